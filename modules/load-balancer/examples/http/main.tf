# A trial without a certificate, which a single destroy removes.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.34, < 7.0"
    }
  }
}

module "load_balancer" {
  source = "../../"

  name              = "echo-dev"
  vpc_id            = "vpc-0123456789abcdef0"
  subnet_ids        = { a = "subnet-0123456789abcdef0", b = "subnet-0123456789abcdef1" }
  security_group_id = "sg-0123456789abcdef0"
  mocks_port        = 80
  management_port   = 8081
  protect           = false
  waf               = { enabled = false }
}

output "mocks_url" {
  description = "Base URL of the mocks."
  value       = module.load_balancer.mocks_url
}
