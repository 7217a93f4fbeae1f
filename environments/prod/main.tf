# Production. No NAT: Echo uses only AWS, by interface endpoints, so data has no route out. Three zones: two tasks are
# enough after the loss of a zone.

terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = { source = "hashicorp/aws", version = "6.34.0" }
  }

  # `terraform init -backend-config` sets bucket and region: docs/deploying.md.
  backend "s3" {
    key          = "prod/terraform.tfstate"
    use_lockfile = true
  }
}

provider "aws" {
  region = trimspace(file("${path.module}/../region.txt"))

  default_tags {
    tags = merge(var.tags, { Project = "echo", Environment = "prod", ManagedBy = "terraform" })
  }
}

module "echo" {
  source = "../../infra/echo"

  environment         = "prod"
  docker_image_url    = var.docker_image_url
  collector_image_url = var.collector_image_url
  cpu_architecture    = var.cpu_architecture
  domain              = var.domain

  network   = { cidr = "10.30.0.0/16", zones = ["a", "b", "c"], nat = "none" }
  access    = { management_cidrs = var.management_cidrs }
  capacity  = { cpu = 1024, memory = 2048, min = 3, max = 12, requests_per_target = 300000 }
  keys      = { scopes = { admin = "read+write", ci = "read+write" } }
  alarms    = { emails = var.alarm_emails, runbook_url = var.runbook_url, thresholds = {} }
  retention = { log_days = 365, flow_log_days = 30, access_log_days = 90, recovery_days = 35 }
  traces    = { mock_ratio = 0.05 }
  waf       = { enabled = true }
  protect   = true
}

output "echo" {
  description = "URLs, running images and names: infra/echo/outputs.tf."
  value       = module.echo
}
