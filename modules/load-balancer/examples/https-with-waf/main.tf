# HTTPS with a certificate and a DNS record, behind the firewall.

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

  name                      = "echo-prod"
  vpc_id                    = "vpc-0123456789abcdef0"
  subnet_ids                = { a = "subnet-0123456789abcdef0", b = "subnet-0123456789abcdef1", c = "subnet-0123456789abcdef2" }
  security_group_id         = "sg-0123456789abcdef0"
  certificate               = { arn = "arn:aws:acm:eu-central-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef" }
  domain_name               = "echo.example.com"
  mocks_port                = 443
  management_port           = 8443
  access_log_retention_days = 90
  waf                       = { enabled = true, requests_per_5_minutes = 600000 }
}

resource "aws_route53_record" "echo" {
  zone_id = "Z0123456789ABCDEFGHIJ"
  name    = "echo.example.com"
  type    = "A"

  alias {
    name                   = module.load_balancer.dns_name
    zone_id                = module.load_balancer.zone_id
    evaluate_target_health = true
  }
}

output "management_url" {
  description = "Base URL of management: https://echo.example.com:8443."
  value       = module.load_balancer.management_url
}
