output "alarms_topic_arn" {
  description = "The SNS topic that all alarms go to, for pagers and chats: `alarms.emails` is for mail."
  value       = module.observability.topic_arn
}

output "collector_image_url" {
  description = "The collector's image that runs beside it."
  value       = var.collector_image_url
}

output "dashboard_name" {
  description = "The CloudWatch dashboard of this environment."
  value       = module.observability.dashboard_name
}

output "docs_url" {
  description = "Where people read and try the API. Only the networks of `access.management_cidrs` reach it."
  value       = "${module.load_balancer.management_url}/-/docs"
}

output "docker_image_url" {
  description = "The image that runs: what to apply again to come back to this state."
  value       = var.docker_image_url
}

output "key_secret_arns" {
  description = "Secrets Manager's ARNs of the management keys' tokens, by key name."
  value       = module.secrets.token_secret_arns
}

output "load_balancer" {
  description = "What a DNS record for `domain.name` points at: `dns_name`, and `zone_id` for an alias record."
  value       = { dns_name = module.load_balancer.dns_name, zone_id = module.load_balancer.zone_id }
}

output "management_url" {
  description = "The base URL of management."
  value       = module.load_balancer.management_url
}

output "mocks_url" {
  description = "The base URL of the mocks."
  value       = module.load_balancer.mocks_url
}

output "service" {
  description = "The ECS cluster, service and revision of the task definition that run."
  value = {
    cluster         = module.ecs_service.cluster_name
    name            = module.ecs_service.service_name
    task_definition = module.ecs_service.task_definition_arn
  }
}

output "table_name" {
  description = "The DynamoDB table of the endpoints."
  value       = module.data_store.table_name
}
