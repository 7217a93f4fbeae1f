variable "name" {
  description = "Name of the environment, such as `echo-dev`: the first part of each endpoint's name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "Write a name of 3 to 20 lower-case letters, digits and hyphens that begins with a letter and does not end with a hyphen, such as \"echo-dev\"."
  }
}

variable "security_group_id" {
  description = "Id of the security group that says who may use the endpoints."
  type        = string
  nullable    = false
}

variable "services" {
  description = "Short names of the AWS services that are called from the VPC, such as [\"ecr.api\", \"ecr.dkr\", \"logs\"]. Each costs by the hour and zone: only what something here really calls."
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
  description = "Id of a subnet by zone letter. An endpoint has an address in each, so that no zone needs another one."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) > 0
    error_message = "Write at least one subnet, such as { a = \"subnet-…\" }: an endpoint without any has no address."
  }
}

variable "vpc_id" {
  description = "Id of the VPC."
  type        = string
  nullable    = false
}
