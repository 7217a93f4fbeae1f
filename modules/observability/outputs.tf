output "alarm_names" {
  description = "Names of all alarms, including those that roll back."
  value       = [for slug in keys(local.alarms) : "${var.name}-${slug}"]
}

output "dashboard_name" {
  description = "Name of the dashboard."
  value       = aws_cloudwatch_dashboard.main.dashboard_name
}

output "log_group_arns" {
  description = "ARNs of the log groups `service` and `collector`, for the execution role."
  value       = { for container, group in aws_cloudwatch_log_group.main : container => group.arn }
}

output "log_group_names" {
  description = "Names of the log groups `service` and `collector`, for the task definition."
  value       = { for container, group in aws_cloudwatch_log_group.main : container => group.name }
}

output "rollback_alarm_names" {
  description = "Names of the alarms that should roll a deployment back: only faults of a new version can ring them, not callers of mocks."
  value       = [for slug, alarm in local.alarms : aws_cloudwatch_metric_alarm.main[slug].alarm_name if try(alarm.rolls_back, false)]
}

output "thresholds" {
  description = "Thresholds of the alarms, by name: the defaults, and the values of the environment."
  value       = local.thresholds
}

output "topic_arn" {
  description = "ARN of the topic of all alarms. Subscribe pagers and chats to it."
  value       = try(aws_sns_topic.alarms[0].arn, var.topic_arn)
}
