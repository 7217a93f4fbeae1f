# The PromQL alarms of the table in alarms.tf, on the service's own metrics. The provider has no argument for PromQL
# before version 6.43, so one CloudFormation stack makes them. With that version, move them to the other alarms.

locals {
  # The attributes of this environment's telemetry, in every query.
  telemetry_of_this = "\"@resource.service.name\"=\"echo\", \"@resource.deployment.environment.name\"=\"${var.environment}\""

  # Selectors for requests to management and to mocks. Requests to a mock have no route. Both exclude health checks:
  # health checks are quick, and at night most requests.
  requests = { for face, route in { management = "=~\"/endpoints.*\"", mocks = "=\"\"" } :
    face => "\"http.server.request.duration\", ${local.telemetry_of_this}, \"http.route\"${route}"
  }

  # Calls of mocks per second, as a histogram of their durations.
  calls = "sum(rate({${local.requests.mocks}}[3m]))"

  silence_minutes = 5
}

resource "aws_cloudformation_stack" "promql" {
  #checkov:skip=CKV_AWS_124:The stack contains only alarms, and its events need no notice
  count = var.promql ? 1 : 0

  name = "${var.name}-promql"

  template_body = jsonencode({
    Description = "Alarms of ${var.name} on PromQL, which the Terraform provider cannot create yet"
    Resources = {
      # CloudFormation names have letters and digits only: TelemetrySilent.
      for slug, alarm in local.alarms : replace(title(replace(slug, "-", " ")), " ", "") => {
        Type = "AWS::CloudWatch::Alarm"
        Properties = {
          AlarmName        = "${var.name}-${slug}"
          AlarmDescription = "${alarm.says} Runbook: ${var.runbook_url}#${slug}"
          AlarmActions     = [local.topic_arn]
          OKActions        = [local.topic_arn]
          ActionsEnabled   = try(alarm.is_on, true)
          EvaluationCriteria = {
            PromQLCriteria = { Query = alarm.query, PendingPeriod = alarm.seconds, RecoveryPeriod = 60 }
          }
          EvaluationInterval = 60
        }
      } if can(alarm.query)
    }
  })

  # Explicit, because the template builds the topic's ARN from its name.
  depends_on = [aws_sns_topic.alarms]
}
