# Three zones that share one regional NAT gateway: the end of a zone stops none of the others.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.34, < 7.0"
    }
  }
}

module "network" {
  source = "../../"

  name                    = "echo-prod"
  cidr                    = "10.30.0.0/16"
  zones                   = ["a", "b", "c"]
  nat                     = "regional"
  flow_log_retention_days = 90
}

output "allow_list" {
  description = "What others have to let in, so that the service reaches them."
  value       = module.network.nat_public_ips
}
