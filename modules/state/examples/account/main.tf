# The bucket of an account, and what a root's backend has to say to use it.

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
  description = "Body of the dev environment's backend \"s3\" block, but for its region."
  value       = { bucket = module.state.bucket_name, key = "dev/terraform.tfstate", use_lockfile = true }
}
