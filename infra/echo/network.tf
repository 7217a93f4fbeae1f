# The environment's own VPC, or a VPC of other owners. A local for each output: a reference waits for its output only.

module "network" {
  source = "../../modules/network"
  count  = var.network == null ? 0 : 1

  name                     = local.name
  cidr                     = var.network.cidr
  zones                    = var.network.zones
  nat                      = var.network.nat
  ipv6                     = var.access.ipv6
  flow_log_retention_days  = var.retention.flow_log_days
  permissions_boundary_arn = local.permissions_boundary_arn
  role_path                = var.iam.role_path
  kms_key_arn              = var.kms_key_arn
}

moved {
  from = module.network
  to   = module.network[0]
}

module "existing_network" {
  source = "../../modules/existing-network"
  count  = var.existing_network == null ? 0 : 1

  vpc_id                   = var.existing_network.vpc_id
  task_subnet_ids          = var.existing_network.task_subnet_ids
  load_balancer_subnet_ids = var.existing_network.load_balancer_subnet_ids
  interface_endpoints      = local.makes_endpoints
  addresses                = local.addresses
  ipv6                     = var.access.ipv6
}

locals {
  is_own = var.existing_network == null
  # Otherwise tasks reach AWS by NAT, or by other ways of the VPC.
  makes_endpoints = local.is_own ? try(var.network.nat == "none", false) : var.existing_network.interface_endpoints
  # One zone may have to take all tasks of a rollout at the maximum.
  addresses = 2 * local.task_count_max + (local.makes_endpoints ? length(local.reached_services) : 0)

  vpc_id                       = local.is_own ? module.network[0].vpc_id : module.existing_network[0].vpc_id
  gateway_prefix_list_ids      = local.is_own ? module.network[0].gateway_prefix_list_ids : module.existing_network[0].gateway_prefix_list_ids
  task_subnet_ids              = local.is_own ? module.network[0].private_subnet_ids : module.existing_network[0].task_subnet_ids
  own_load_balancer_subnet_ids = local.is_own ? (var.access.internal ? module.network[0].private_subnet_ids : module.network[0].public_subnet_ids) : null
  load_balancer_subnet_ids     = local.is_own ? local.own_load_balancer_subnet_ids : module.existing_network[0].load_balancer_subnet_ids
  # The load balancer's addresses are in these networks, and no client's.
  proxy_cidrs = local.is_own ? [module.network[0].cidr] : module.existing_network[0].proxy_cidrs
}
