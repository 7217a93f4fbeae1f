variable "addresses" {
  description = "Number of addresses that the environment needs in each subnet of tasks: all tasks of a rollout at the maximum, because one zone may have to take them, and interface endpoints."
  type        = number
  nullable    = false
}

variable "interface_endpoints" {
  description = "The caller creates interface endpoints in the VPC, which needs AWS's DNS then."
  type        = bool
  nullable    = false
}

variable "ipv6" {
  description = "The load balancer gets IPv6 addresses too."
  type        = bool
  default     = false
  nullable    = false
}

variable "load_balancer_subnet_ids" {
  description = "Ids of the load balancer's subnets, one in each of two or more zones. Public subnets, or private ones for an internal load balancer. No other client of Echo should have an address in them: the service trusts `X-Forwarded-For` from there."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.load_balancer_subnet_ids) >= 2
    error_message = "Write at least two subnets for the load balancer, in two zones."
  }
}

variable "task_subnet_ids" {
  description = "Ids of the tasks' subnets, one in each of two or more zones. They need a way to AWS: NAT, a transit gateway, or endpoints."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.task_subnet_ids) >= 2
    error_message = "Write at least two subnets for tasks, in two zones: a single zone can fail."
  }
}

variable "vpc_id" {
  description = "Id of the VPC."
  type        = string
  nullable    = false
}
