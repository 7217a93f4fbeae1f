output "access_logs_bucket" {
  description = "Name of the bucket for access logs."
  value       = aws_s3_bucket.access_logs.id
}

output "arn" {
  description = "ARN of the load balancer."
  value       = aws_lb.main.arn
}

output "arn_suffix" {
  description = "The load balancer's name in CloudWatch metrics, the end of its ARN."
  value       = aws_lb.main.arn_suffix
}

output "dns_name" {
  description = "DNS name of the load balancer, as target of the record for `domain_name`."
  value       = aws_lb.main.dns_name
}

output "listener_arns" {
  description = "ARN of each listener, by `mocks` and `management`."
  value       = { for face, listener in aws_lb_listener.main : face => listener.arn }
}

output "management_url" {
  description = "URL of management, without a slash at the end."
  value       = local.urls.management
}

output "mocks_url" {
  description = "URL of the mocks, without a slash at the end."
  value       = local.urls.mocks
}

output "target_groups" {
  description = "ARN and `arn_suffix` (the name in CloudWatch metrics) of each target group, by `mocks` and `management`."
  value       = { for face, group in aws_lb_target_group.main : face => { arn = group.arn, arn_suffix = group.arn_suffix } }

  # ECS refuses a target group without a listener.
  depends_on = [aws_lb_listener.main]
}

output "zone_id" {
  description = "Id of the hosted zone of `dns_name`, for an alias record."
  value       = aws_lb.main.zone_id
}
