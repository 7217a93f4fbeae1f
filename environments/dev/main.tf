# Development: cheap, and removed by a single destroy. One NAT gateway, and Spot for all tasks but the first.

terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = { source = "hashicorp/aws", version = "6.34.0" }
  }

  # `terraform init -backend-config` sets bucket and region: docs/deploying.md.
  backend "s3" {
    key          = "dev/terraform.tfstate"
    use_lockfile = true
  }
}

provider "aws" {
  region = trimspace(file("${path.module}/../region.txt"))

  default_tags {
    tags = merge(var.tags, { Project = "echo", Environment = "dev", ManagedBy = "terraform" })
  }
}

module "echo" {
  source = "../../infra/echo"

  environment         = "dev"
  docker_image_url    = var.docker_image_url
  collector_image_url = var.collector_image_url
  cpu_architecture    = var.cpu_architecture
  domain              = var.domain

  network   = { cidr = "10.10.0.0/16", zones = ["a", "b"], nat = "single" }
  access    = { management_cidrs = var.management_cidrs }
  capacity  = { cpu = 256, memory = 512, min = 2, max = 4, spot_percent = 100 }
  keys      = { scopes = { admin = "read+write", ci = "read+write" } }
  alarms    = { emails = var.alarm_emails, runbook_url = var.runbook_url, thresholds = {} }
  retention = { log_days = 7, flow_log_days = 3, access_log_days = 7, recovery_days = 0 }
  traces    = { mock_ratio = 1 }
  waf       = { enabled = false }
  protect   = false
}

output "echo" {
  description = "URLs, running images and names: infra/echo/outputs.tf."
  value       = module.echo
}
