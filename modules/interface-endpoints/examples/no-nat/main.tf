# A small network of two zones without a route to the internet. Tasks reach AWS by endpoints for the services that Echo
# calls.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.34, < 7.0"
    }
  }
}

module "network" {
  source = "../../../network"

  name  = "echo-dev"
  cidr  = "10.20.0.0/22"
  zones = ["a", "b"]
  nat   = "none"
}

module "security_groups" {
  source = "../../../security-groups"

  name                    = "echo-dev"
  vpc_id                  = module.network.vpc_id
  mocks                   = { port = 80, cidrs = ["0.0.0.0/0"] }
  management              = { port = 8081, cidrs = ["198.51.100.0/24"] }
  gateway_prefix_list_ids = module.network.gateway_prefix_list_ids
  internet_egress         = false
}

module "interface_endpoints" {
  source = "../../"

  name              = "echo-dev"
  vpc_id            = module.network.vpc_id
  subnet_ids        = module.network.private_subnet_ids
  security_group_id = module.security_groups.endpoints_id
  services          = ["ecr.api", "ecr.dkr", "logs", "secretsmanager", "monitoring", "xray"]
}

output "endpoints" {
  description = "Id of each endpoint, by service."
  value       = module.interface_endpoints.endpoint_ids
}
