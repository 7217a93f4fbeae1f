# A repository for Echo's image, and a pull-through cache for the collector's.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

locals {
  collector = "ecr-public/aws-observability/aws-otel-collector"
}

module "registry" {
  source = "../../"

  repositories = ["echo-service", local.collector]
  pull_through = { ecr-public = "public.ecr.aws" }
}

output "collector" {
  description = "URL of the collector's repository."
  value       = module.registry.repository_urls[local.collector]
}

output "pullable" {
  description = "ARNs of the repositories, for the execution role's right to pull."
  value       = values(module.registry.repository_arns)
}
