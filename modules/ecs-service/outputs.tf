output "cluster_arn" {
  description = "ARN of the cluster."
  value       = aws_ecs_cluster.main.arn
}

output "cluster_name" {
  description = "Name of the cluster."
  value       = aws_ecs_cluster.main.name
}

output "memory_share" {
  description = "The share of a task's memory that the service's container may use, from 0 to 1."
  value       = local.service.memory / var.memory
}

output "service_arn" {
  description = "ARN of the service."
  value       = aws_ecs_service.main.arn
}

output "service_name" {
  description = "Name of the service in the cluster."
  value       = aws_ecs_service.main.name
}

output "task_definition_arn" {
  description = "ARN of the running revision of the task definition."
  value       = aws_ecs_service.main.task_definition
}
