variable "name" {
  description = "Name of the environment, such as `echo-dev`: the prefix of each endpoint's name."
  type        = string
  nullable    = false
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
}

variable "subnet_ids" {
  description = "Id of one subnet by zone letter. An endpoint has an address in each, so that no zone depends on another."
  type        = map(string)
  nullable    = false
}

variable "vpc_id" {
  description = "Id of the VPC."
  type        = string
  nullable    = false
}
