variable "name" {
  description = "Name of the environment, such as `echo-dev`: the prefix of each endpoint's name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "Write 3 to 20 lower-case letters, digits and hyphens, with a letter first and no hyphen last, such as \"echo-dev\"."
  }
}

variable "security_group_id" {
  description = "Id of the endpoints' security group, which admits their clients."
  type        = string
  nullable    = false
}

variable "services" {
  description = "Short names of the AWS services to reach from the VPC, such as [\"ecr.api\", \"ecr.dkr\", \"logs\"]. Each costs by hour and zone: name only services in use."
  type        = set(string)
  nullable    = false

  validation {
    condition     = alltrue([for service in var.services : can(regex("^[a-z][a-z0-9-]*([.][a-z0-9-]+)*$", service)) && !startswith(service, "com.amazonaws")])
    error_message = "Write the services by their short names, such as \"ecr.api\" for com.amazonaws.eu-central-1.ecr.api."
  }

  validation {
    condition     = length(setintersection(var.services, ["dynamodb", "s3"])) == 0
    error_message = "Leave out \"dynamodb\" and \"s3\": the network has gateway endpoints for them, which cost nothing."
  }
}

variable "subnet_ids" {
  description = "Id of one subnet by zone letter. An endpoint has an address in each, so that no zone depends on another."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) > 0
    error_message = "Write at least one subnet, such as { a = \"subnet-…\" }: without a subnet an endpoint has no address."
  }
}

variable "vpc_id" {
  description = "Id of the VPC."
  type        = string
  nullable    = false
}
