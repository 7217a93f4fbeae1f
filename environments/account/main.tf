# What the account and region have once. The first apply makes the bucket that its own state then moves to: docs/deploying.md.

terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = { source = "hashicorp/aws", version = "6.34.0" }
  }

  # Bucket and region are given by `terraform init -backend-config`: docs/deploying.md.
  backend "s3" {
    key          = "account/terraform.tfstate"
    use_lockfile = true
  }
}

provider "aws" {
  region = "eu-central-1"

  default_tags {
    tags = { Project = "echo", Environment = "account", ManagedBy = "terraform" }
  }
}

module "account" {
  source = "../../infra/account"

  environments      = ["dev", "staging", "prod"]
  repository        = var.repository
  state_bucket_name = var.state_bucket_name
  vpc_arns          = var.vpc_arns
  protect           = true
}

output "account" {
  description = "Bucket, registries and roles: see infra/account/outputs.tf."
  value       = module.account
}
