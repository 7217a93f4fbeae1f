# The roles for one environment, and their ARNs for the workflows.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

module "github" {
  source = "../../"

  repository           = { owner = "octo-org", owner_id = "123456", name = "echo", id = "456789" }
  environments         = { prod = { boundary_arn = "arn:aws:iam::123456789012:policy/github/echo-boundary-prod", state_key = "prod/terraform.tfstate" } }
  state_bucket_arn     = "arn:aws:s3:::echo-state-123456789012"
  image_repository_arn = "arn:aws:ecr:eu-central-1:123456789012:repository/echo-service"
}

output "role_to_assume" {
  description = "Roles for aws-actions/configure-aws-credentials, by the job's purpose."
  value = {
    plan       = module.github.plan_role_arn
    push       = module.github.push_role_arn
    apply_prod = module.github.apply_role_arns["prod"]
  }
}
