output "alarms_topic_arn" {
  description = "ARN of the SNS topic of all alarms, for pagers and chats. For mail, use `alarms.emails`."
  value       = module.observability.topic_arn
}

output "collector_image_url" {
  description = "Running image of the collector, by digest."
  value       = var.collector_image_url
}

output "dashboard_name" {
  description = "Name of the environment's CloudWatch dashboard."
  value       = module.observability.dashboard_name
}

output "docs_url" {
  description = "URL of the API's documentation page. Reachable only from `access.management_cidrs`."
  value       = "${module.load_balancer.management_url}/-/docs"
}

output "docker_image_url" {
  description = "Running image of the service, by digest. Apply it again to return to this state."
  value       = var.docker_image_url
}

output "key_secret_arns" {
  description = "ARN of the secret with each management key's token, by key name."
  value       = module.secrets.token_secret_arns
}

output "load_balancer" {
  description = "Target of the DNS record for `domain.name`: `dns_name`, and `zone_id` for an alias record."
  value       = { dns_name = module.load_balancer.dns_name, zone_id = module.load_balancer.zone_id }
}

output "management_url" {
  description = "Base URL of management."
  value       = module.load_balancer.management_url
}

output "mocks_url" {
  description = "Base URL of the mocks."
  value       = module.load_balancer.mocks_url
}

output "service" {
  description = "Running ECS cluster, service and revision of the task definition."
  value = {
    cluster         = module.ecs_service.cluster_name
    name            = module.ecs_service.service_name
    task_definition = module.ecs_service.task_definition_arn
  }
}

output "table_name" {
  description = "Name of the DynamoDB table with the endpoints."
  value       = module.data_store.table_name
}
