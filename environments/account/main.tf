# Resources that account and region have once. The first apply creates the bucket for this root's own state:
# docs/deploying.md.

terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = { source = "hashicorp/aws", version = "6.34.0" }
  }

  # `terraform init -backend-config` sets bucket and region: docs/deploying.md.
  backend "s3" {
    key          = "account/terraform.tfstate"
    use_lockfile = true
  }
}

provider "aws" {
  region = trimspace(file("${path.module}/../region.txt"))

  default_tags {
    tags = merge(var.tags, { Project = "echo", Environment = "account", ManagedBy = "terraform" })
  }
}

module "account" {
  source = "../../infra/account"

  environments      = [for file in fileset("${path.module}/..", "*/main.tf") : dirname(file) if dirname(file) != "account"]
  repository        = var.repository
  state_bucket_name = var.state_bucket_name
  shared            = var.shared
  vpc_arns          = var.vpc_arns
  budget            = var.budget
  protect           = true
}

output "account" {
  description = "Bucket, registries and roles: infra/account/outputs.tf."
  value       = module.account
}
