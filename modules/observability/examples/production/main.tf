# Alarms for production: a stricter threshold for mocks, and a pager in addition to mail.

module "observability" {
  source = "../../"

  name                     = "echo-prod"
  environment              = "prod"
  kms_key_id               = "alias/echo-alarms"
  cluster_name             = "echo-prod"
  service_name             = "echo"
  load_balancer_arn_suffix = "app/echo-prod/50dc6c495c0c9188"
  target_group_arn_suffixes = {
    management = "targetgroup/echo-prod-management/943f017f100becff"
    mocks      = "targetgroup/echo-prod-mocks/73e2d6bc24d8a067"
  }
  table_name         = "echo-prod"
  log_retention_days = 365
  other_log_group_names = {
    firewall  = "aws-waf-logs-echo-prod"
    flow_logs = "/echo/echo-prod/flow-logs"
  }
  alarm_emails   = ["operators@example.com"]
  runbook_url    = "https://github.com/octo-org/echo/blob/main/docs/runbook.md"
  task_count_min = 3
  memory_share   = 0.75
  thresholds     = { mocks_p99_seconds = 0.1 }
}

resource "aws_sns_topic_subscription" "pager" {
  topic_arn              = module.observability.topic_arn
  protocol               = "https"
  endpoint               = "https://pager.example.com/integration/echo"
  endpoint_auto_confirms = true
}

output "rollback_alarm_names" {
  description = "Names of alarms, for the ECS service."
  value       = module.observability.rollback_alarm_names
}
