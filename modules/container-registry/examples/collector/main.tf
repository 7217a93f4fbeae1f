# Echo's own image, and the collector's by way of a cache.

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
  description = "What the image of the collector begins with."
  value       = module.registry.repository_urls[local.collector]
}

output "pullable" {
  description = "For an execution role: what it may pull."
  value       = values(module.registry.repository_arns)
}
