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

  state_keys = { for environment in var.environments : environment => "${environment}/terraform.tfstate" }
}

module "registry" {
  source = "../../modules/container-registry"

  repositories = [local.service, local.collector]
  pull_through = { ecr-public = "public.ecr.aws" }
  protect      = var.protect
}

module "github" {
  source = "../../modules/github-oidc"

  repository       = var.repository
  environments     = { for environment, key in local.state_keys : environment => { state_key = key, vpc_arn = lookup(var.vpc_arns, environment, null) } }
  state_bucket_arn = module.state.bucket_arn

  image_repository_arn = module.registry.repository_arns[local.service]
}

module "protection" {
  source = "../../modules/protection"

  name    = "account"
  protect = var.protect

  depends_on = [
    module.state,
    module.registry,
    module.github,
    aws_cloudwatch_log_resource_policy.traces,
    aws_cloudformation_stack.traces,
    aws_kms_key.alarms,
    aws_kms_alias.alarms,
    aws_ce_cost_allocation_tag.main,
    aws_budgets_budget.main,
  ]
}
