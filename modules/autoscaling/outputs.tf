output "policy_arns" {
  description = "ARN of each policy: `cpu` and, where it is on, `requests`."
  value       = { for name, policy in aws_appautoscaling_policy.main : name => policy.arn }
}

output "resource_id" {
  description = "What is scaled, as Application Auto Scaling names it: `service/CLUSTER/SERVICE`."
  value       = aws_appautoscaling_target.main.resource_id
}
