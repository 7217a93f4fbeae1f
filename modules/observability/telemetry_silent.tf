# The one alarm on the service's own metrics, which are asked for by PromQL. The provider has no argument for that before version
# 6.43, so CloudFormation makes it; with that version it moves into the table of alarms.

locals {
  telemetry_silent = "telemetry-silent"

  # What a service's telemetry is told by, in every query.
  telemetry_of_this = "\"@resource.service.name\"=\"echo\", \"@resource.deployment.environment.name\"=\"${var.environment}\""

  # A gauge that each replica sends once a minute, whether anybody calls it or not.
  telemetry_window_minutes = 5
  telemetry_query          = "absent_over_time({\"echo.endpoints\", ${local.telemetry_of_this}}[${local.telemetry_window_minutes}m])"
}

resource "aws_cloudformation_stack" "telemetry_silent" {
  #checkov:skip=CKV_AWS_124:It holds one alarm, which is made or not; there is nothing to be told of
  name = "${var.name}-${local.telemetry_silent}"

  template_body = jsonencode({
    Description = "An alarm of ${var.name} that the Terraform provider can not make yet"
    Resources = {
      Alarm = {
        Type = "AWS::CloudWatch::Alarm"
        Properties = {
          AlarmName        = "${var.name}-${local.telemetry_silent}"
          AlarmDescription = "No metric of the service has arrived for ${var.thresholds.telemetry_silent_minutes} minutes. What to do: ${var.runbook_url}#${local.telemetry_silent}"
          AlarmActions     = [local.topic_arn]
          OKActions        = [local.topic_arn]
          # A service that a schedule switches off is silent, and right.
          ActionsEnabled = var.task_count_min > 0
          EvaluationCriteria = {
            PromQLCriteria = {
              Query = local.telemetry_query
              # After the window has been empty, this long.
              PendingPeriod  = (var.thresholds.telemetry_silent_minutes - local.telemetry_window_minutes) * 60
              RecoveryPeriod = 60
            }
          }
          EvaluationInterval = 60
        }
      }
    }
  })

  # Its ARN is written from its name.
  depends_on = [aws_sns_topic.alarms]
}
