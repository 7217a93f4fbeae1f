# A company's VPC with NAT, and an internal load balancer in the same subnets as the tasks.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.34, < 7.0"
    }
  }
}

locals {
  private = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
}

module "network" {
  source = "../../"

  vpc_id                   = "vpc-0123456789abcdef0"
  task_subnet_ids          = local.private
  load_balancer_subnet_ids = local.private
  interface_endpoints      = false
  addresses                = 8
}

output "task_subnet_ids" {
  description = "Id of each subnet of tasks by zone letter."
  value       = module.network.task_subnet_ids
}
