# Resources of an account, once for all environments. All environments are in one region, because roles and names of
# roles have no region. If an environment owned these resources, a destroy would take them from all environments.

module "state" {
  source = "../../modules/state"

  bucket_name = var.state_bucket_name
  protect     = var.protect
}

locals {
  service = "echo-service"
  # The name of the collector's image in the public registry, with the prefix for the registry.
  collector = "ecr-public/aws-observability/aws-otel-collector"

  # The boundary of a company, or Echo's.
  boundary_arns = { for environment, arn in module.boundaries.arns : environment => try(coalesce(var.shared[environment].permissions_boundary_arn), arn) }

  state_keys = { for environment in var.environments : environment => "${environment}/terraform.tfstate" }
}

module "registry" {
  source = "../../modules/container-registry"

  repositories = [local.service, local.collector]
  pull_through = { ecr-public = "public.ecr.aws" }
  protect      = var.protect
}

module "boundaries" {
  source = "../../modules/permissions-boundary"

  environments = var.environments
  kms_key_arns = { for environment, shared in var.shared : environment => shared.kms_key_arn if shared.kms_key_arn != null }
}

# Without a repository a person applies everything.
module "github" {
  source = "../../modules/github-oidc"
  count  = var.repository == null ? 0 : 1

  repository = var.repository
  environments = {
    for environment, key in local.state_keys : environment => {
      boundary_arn = local.boundary_arns[environment]
      state_key    = key
      vpc_arn      = lookup(var.vpc_arns, environment, null)
      shared       = try(var.shared[environment], {})
    }
  }
  state_bucket_arn = module.state.bucket_arn

  image_repository_arn = module.registry.repository_arns[local.service]
}

moved {
  from = module.github.aws_iam_policy.boundary
  to   = module.boundaries.aws_iam_policy.main
}

moved {
  from = module.github
  to   = module.github[0]
}

module "protection" {
  source = "../../modules/protection"

  name    = "account"
  protect = var.protect

  depends_on = [
    module.state,
    module.registry,
    module.boundaries,
    module.github,
    aws_cloudwatch_log_resource_policy.traces,
    aws_cloudformation_stack.traces,
    aws_kms_key.alarms,
    aws_kms_alias.alarms,
    aws_ce_cost_allocation_tag.main,
    aws_budgets_budget.main,
  ]
}
