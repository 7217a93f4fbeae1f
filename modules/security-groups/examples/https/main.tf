# Mocks by HTTPS for all networks, management for an office and a build server. Tasks reach AWS by endpoints only.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.34, < 7.0"
    }
  }
}

module "security_groups" {
  source = "../../"

  name                    = "echo-prod"
  vpc_id                  = "vpc-0123456789abcdef0"
  mocks                   = { port = 443, cidrs = ["0.0.0.0/0"] }
  management              = { port = 8443, cidrs = ["198.51.100.0/24", "203.0.113.7/32"] }
  redirect_port           = 80
  gateway_prefix_list_ids = { dynamodb = "pl-66a5400f", s3 = "pl-6ea54007" }
  internet_egress         = false
}

output "service_group" {
  description = "Id of the tasks' security group."
  value       = module.security_groups.service_id
}
