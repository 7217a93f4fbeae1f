# Three zones that share one regional NAT gateway: the loss of a zone affects no other zone.

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
  description = "Addresses for other parties' allow lists, so that the service can reach them."
  value       = module.network.nat_public_ips
}
