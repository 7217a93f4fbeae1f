# The bucket of an account, and the settings of a root's backend.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

module "state" {
  source = "../../"

  bucket_name = "echo-state-123456789012"
}

output "backend" {
  description = "Body of the dev environment's backend \"s3\" block, without the region."
  value       = { bucket = module.state.bucket_name, key = "dev/terraform.tfstate", use_lockfile = true }
}
