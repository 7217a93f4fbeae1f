# One environment: the dependencies of its parts, from the network to the alarms. Resources are in the modules, values
# in `environments/`. Modules wait for each other by outputs only: with a `depends_on`, a plan would know less.

module "security_groups" {
  source = "../../modules/security-groups"

  name                    = local.name
  vpc_id                  = local.vpc_id
  mocks                   = { port = local.listener_ports.mocks, cidrs = var.access.mocks_cidrs }
  management              = { port = local.listener_ports.management, cidrs = var.access.management_cidrs }
  redirect_port           = local.listener_ports.redirect
  service_ports           = local.service_ports
  gateway_prefix_list_ids = local.gateway_prefix_list_ids
  endpoint_client_cidrs   = local.is_own || !local.makes_endpoints ? [] : [module.existing_network[0].cidr]
  internet_egress         = !local.makes_endpoints
}

module "interface_endpoints" {
  source = "../../modules/interface-endpoints"

  name              = local.name
  vpc_id            = local.vpc_id
  subnet_ids        = local.task_subnet_ids
  security_group_id = module.security_groups.endpoints_id
  services          = local.makes_endpoints ? local.reached_services : []
}

module "load_balancer" {
  source = "../../modules/load-balancer"

  name                         = local.name
  vpc_id                       = local.vpc_id
  subnet_ids                   = local.load_balancer_subnet_ids
  security_group_id            = module.security_groups.load_balancer_id
  internal                     = var.access.internal
  ipv6                         = var.access.ipv6
  certificate                  = local.certificate
  domain_name                  = try(var.domain.name, null)
  mocks_port                   = local.listener_ports.mocks
  management_port              = local.listener_ports.management
  service_ports                = local.service_ports
  idle_timeout_seconds         = local.times.load_balancer_idle_seconds
  deregistration_delay_seconds = local.times.deregistration_seconds
  access_log_retention_days    = var.retention.access_log_days
  log_kms_key_arn              = var.kms_key_arn
  waf = merge(var.waf, {
    log_retention_days     = var.retention.log_days
    requests_per_5_minutes = try(coalesce(var.waf.requests_per_5_minutes, local.requests_per_5_minutes), null)
  })
  protect = var.protect
}

module "domain" {
  source = "../../modules/domain"
  count  = try(var.domain.zone_id, null) == null ? 0 : 1

  name          = var.domain.name
  zone_id       = var.domain.zone_id
  ipv6          = var.access.ipv6
  load_balancer = { dns_name = module.load_balancer.dns_name, zone_id = module.load_balancer.zone_id }
}

module "data_store" {
  source = "../../modules/data-store"

  name          = local.name
  kms_key_arn   = var.kms_key_arn
  recovery_days = var.retention.recovery_days
  protect       = var.protect
}

module "secrets" {
  source = "../../modules/secrets"

  name        = local.name
  keys        = { for name, scopes in var.keys.scopes : name => { scopes = scopes } }
  rotation    = var.keys.rotation
  kms_key_arn = var.kms_key_arn
  protect     = var.protect
}

module "observability" {
  source = "../../modules/observability"

  environment               = var.environment
  name                      = local.name
  cluster_name              = local.name
  service_name              = "echo"
  load_balancer_arn_suffix  = module.load_balancer.arn_suffix
  target_group_arn_suffixes = { for face, group in module.load_balancer.target_groups : face => group.arn_suffix }
  table_name                = module.data_store.table_name
  log_retention_days        = var.retention.log_days
  # By name, like cluster and service: modules/network and modules/load-balancer name their log groups like this.
  other_log_group_names = merge(local.is_own ? { flow_logs = "/echo/${local.name}/flow-logs" } : {}, var.waf.enabled ? { firewall = "aws-waf-logs-${local.name}" } : {})
  log_kms_key_arn       = var.kms_key_arn
  alarm_emails          = var.alarms.emails
  topic_arn             = var.alarms.topic_arn
  # From infra/account.
  kms_key_id     = "alias/echo-alarms"
  runbook_url    = var.alarms.runbook_url
  thresholds     = var.alarms.thresholds
  promql         = var.alarms.promql
  certificate    = local.certificate
  task_count_min = local.task_count_min
  memory_share   = module.ecs_service.memory_share
}

module "iam" {
  source = "../../modules/iam"

  name                         = local.name
  repository_arns              = [local.repository_arns.service]
  pull_through_repository_arns = [local.repository_arns.collector]
  log_group_arns               = values(module.observability.log_group_arns)
  secret_arns                  = [module.secrets.entries_secret_arn]
  table_arn                    = module.data_store.table_arn
  kms_key_arns                 = var.kms_key_arn[*]
  role_path                    = var.iam.role_path
  permissions_boundary_arn     = local.permissions_boundary_arn
}

module "ecs_service" {
  source = "../../modules/ecs-service"

  name               = local.name
  image              = var.docker_image_url
  collector          = { image = var.collector_image_url, config = local.collector_config }
  cpu                = var.capacity.cpu
  memory             = var.capacity.memory
  cpu_architecture   = var.cpu_architecture
  environment        = local.service_environment
  secrets            = { ECHO_KEYS = module.secrets.entries_value_from }
  execution_role_arn = module.iam.execution_role_arn
  task_role_arn      = module.iam.task_role_arn
  subnet_ids         = module.interface_endpoints.subnet_ids
  security_group_id  = module.security_groups.service_id
  ports              = local.service_ports
  target_group_arns  = { for face, group in module.load_balancer.target_groups : face => group.arn }
  desired_count      = var.capacity.min
  capacity           = { spot_percent = var.capacity.spot_percent }

  rollback_alarm_names = module.observability.rollback_alarm_names
  log_group_names      = module.observability.log_group_names
  stop_timeout_seconds = local.times.stop_timeout_seconds
  protect              = var.protect
}

module "autoscaling" {
  source = "../../modules/autoscaling"

  name                     = local.name
  cluster_name             = module.ecs_service.cluster_name
  service_name             = module.ecs_service.service_name
  min                      = var.capacity.min
  max                      = var.capacity.max
  requests_per_target      = var.capacity.requests_per_target
  load_balancer_arn_suffix = module.load_balancer.arn_suffix
  target_group_arn_suffix  = module.load_balancer.target_groups.mocks.arn_suffix
  schedules                = var.capacity.schedules
}

# This module depends on everything, so Terraform destroys the module first. Nothing depends on the module, so the
# `depends_on` delays nothing.
module "protection" {
  source = "../../modules/protection"

  name    = local.name
  protect = var.protect

  depends_on = [
    module.network,
    module.existing_network,
    module.domain,
    module.security_groups,
    module.interface_endpoints,
    module.load_balancer,
    module.data_store,
    module.secrets,
    module.observability,
    module.iam,
    module.ecs_service,
    module.autoscaling,
  ]
}
