# The alarms of the table that ask for the service's own metrics, by PromQL. The provider has no argument for that before version
# 6.43, so CloudFormation makes them, all in one stack; with that version they become like the others.

locals {
  # What a service's telemetry is told by, in every query.
  telemetry_of_this = "\"@resource.service.name\"=\"echo\", \"@resource.deployment.environment.name\"=\"${var.environment}\""

  # How requests are told apart, as a selector has it. One of a mock has no route. Those of health checks are in neither: they are quick,
  # and at night the most.
  requests = { for face, route in { management = "=~\"/endpoints.*\"", mocks = "=\"\"" } :
    face => "\"http.server.request.duration\", ${local.telemetry_of_this}, \"http.route\"${route}"
  }

  silence_minutes = 5
}

resource "aws_cloudformation_stack" "promql" {
  #checkov:skip=CKV_AWS_124:It holds alarms, which are made or not; there is nothing to be told of
  count = var.promql ? 1 : 0

  name = "${var.name}-promql"

  template_body = jsonencode({
    Description = "Alarms of ${var.name} that the Terraform provider can not make yet"
    Resources = {
      # Names here have letters and digits only: TelemetrySilent.
      for slug, alarm in local.alarms : replace(title(replace(slug, "-", " ")), " ", "") => {
        Type = "AWS::CloudWatch::Alarm"
        Properties = {
          AlarmName        = "${var.name}-${slug}"
          AlarmDescription = "${alarm.says} What to do: ${var.runbook_url}#${slug}"
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

  # Its ARN is written from its name.
  depends_on = [aws_sns_topic.alarms]
}
