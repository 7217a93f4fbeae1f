# Staging: a small copy of production with the same routes in and out, so that tests here apply there. Not protected.

terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = { source = "hashicorp/aws", version = "6.34.0" }
  }

  # `terraform init -backend-config` sets bucket and region: docs/deploying.md.
  backend "s3" {
    key          = "staging/terraform.tfstate"
    use_lockfile = true
  }
}

provider "aws" {
  region = trimspace(file("${path.module}/../region.txt"))

  default_tags {
    tags = merge(var.tags, { Project = "echo", Environment = "staging", ManagedBy = "terraform" })
  }
}

module "echo" {
  source = "../../infra/echo"

  environment         = "staging"
  docker_image_url    = var.docker_image_url
  collector_image_url = var.collector_image_url
  cpu_architecture    = var.cpu_architecture
  domain              = var.domain

  network   = { cidr = "10.20.0.0/16", zones = ["a", "b"], nat = "none" }
  access    = { management_cidrs = var.management_cidrs }
  capacity  = { cpu = 512, memory = 1024, min = 2, max = 4 }
  keys      = { scopes = { admin = "read+write", ci = "read+write" } }
  alarms    = { emails = var.alarm_emails, runbook_url = var.runbook_url, thresholds = {} }
  retention = { log_days = 30, flow_log_days = 7, access_log_days = 30, recovery_days = 1 }
  traces    = { mock_ratio = 0.05 }
  waf       = { enabled = true }
  protect   = false
}

output "echo" {
  description = "URLs, running images and names: infra/echo/outputs.tf."
  value       = module.echo
}
