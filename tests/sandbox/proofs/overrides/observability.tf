resource "aws_cloudwatch_log_group" "main" {
  retention_in_days = 60
}

resource "aws_cloudwatch_log_metric_filter" "error_lines" {
  pattern = "{ $.level = \"WARN\" }"

  metric_transformation {
    namespace     = "Changed"
    name          = "Changed"
    value         = "2"
    default_value = "1"
  }
}

# Of those of one metric, and of those of an expression.
resource "aws_cloudwatch_metric_alarm" "main" {
  alarm_description   = "Changed"
  alarm_actions       = []
  ok_actions          = []
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 77
  datapoints_to_alarm = 1
  evaluation_periods  = 2
  treat_missing_data  = "missing"

  namespace   = can(each.value.expression) ? null : "Changed"
  metric_name = can(each.value.expression) ? null : "Changed"
  dimensions  = can(each.value.expression) ? null : { Changed = "yes" }
  period      = can(each.value.expression) ? null : 120
  statistic   = can(each.value.expression) ? null : "Minimum"

  dynamic "metric_query" {
    for_each = can(each.value.expression) ? [1] : []

    content {
      id          = "changed"
      return_data = false

      metric {
        namespace   = "Changed"
        metric_name = "Changed"
        dimensions  = { Changed = "yes" }
        stat        = "Minimum"
        period      = 120
      }
    }
  }

  dynamic "metric_query" {
    for_each = can(each.value.expression) ? [1] : []

    content {
      id          = "changed_too"
      label       = "Changed"
      expression  = "changed * 2"
      return_data = true
    }
  }
}

resource "aws_cloudwatch_dashboard" "main" {
  dashboard_body = jsonencode({ start = "-PT6H", widgets = local.dashboard_widgets })
}

# The template is what the alarms say.
locals {
  silence_minutes = 6
}

resource "aws_sns_topic" "alarms" {
  display_name      = "Changed"
  kms_master_key_id = "alias/aws/sns"
  policy            = jsonencode(merge(jsondecode(data.aws_iam_policy_document.alarms_topic.json), { Id = "changed" }))
}
