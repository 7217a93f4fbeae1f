output "policy_arns" {
  description = "ARN of each scaling policy: `cpu` and, if set, `requests`."
  value       = { for name, policy in aws_appautoscaling_policy.main : name => policy.arn }
}

output "resource_id" {
  description = "Id of the service in Application Auto Scaling: `service/CLUSTER/SERVICE`."
  value       = aws_appautoscaling_target.main.resource_id
}
