# A name in an own zone, for an existing load balancer.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.34, < 7.0"
    }
  }
}

module "domain" {
  source = "../../"

  name          = "echo.example.com"
  zone_id       = "Z0123456789ABCDEFGHIJ"
  load_balancer = { dns_name = "echo-prod-1234567890.eu-central-1.elb.amazonaws.com", zone_id = "Z215JYRZR1TBD5" }
}

output "certificate_arn" {
  description = "ARN of the certificate."
  value       = module.domain.certificate_arn
}
