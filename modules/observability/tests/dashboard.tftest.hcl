# The dashboard as CloudWatch would receive it, planned with the real provider, without AWS.

provider "aws" {
  region                      = "eu-central-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
  skip_region_validation      = true
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "111122223333" }
}

variables {
  name                     = "echo-test"
  environment              = "test"
  kms_key_id               = "alias/echo-alarms"
  cluster_name             = "echo-test"
  service_name             = "echo"
  load_balancer_arn_suffix = "app/echo-test/50dc6c495c0c9188"
  target_group_arn_suffixes = {
    management = "targetgroup/echo-test-management/943f017f100becff"
    mocks      = "targetgroup/echo-test-mocks/73e2d6bc24d8a067"
  }
  table_name     = "echo-test"
  runbook_url    = "https://example.com/runbook.md"
  task_count_min = 2
  memory_share   = 0.75
}

run "dashboard" {
  command = plan

  variables {
    log_retention_days = 7
    task_count_min     = 0
    thresholds = {
      cpu_percent              = 50
      mocks_p99_seconds        = 0.5
      telemetry_silent_minutes = 30
    }
  }

  assert {
    condition     = toset([for widget in jsondecode(aws_cloudwatch_dashboard.main.dashboard_body).widgets : widget.type]) == toset(["alarm", "chart", "log", "metric", "text"])
    error_message = "The dashboard must show alarms, AWS's metrics, the service's own metrics, and the log."
  }
  assert {
    condition = alltrue([
      for widget in jsondecode(aws_cloudwatch_dashboard.main.dashboard_body).widgets :
      widget.x + widget.width <= 24 && try(widget.properties.region, "eu-central-1") == "eu-central-1"
    ])
    error_message = "A widget is wider than the row, or shows another region."
  }
  assert {
    condition = flatten([for widget in jsondecode(aws_cloudwatch_dashboard.main.dashboard_body).widgets : widget.properties.alarms if widget.type == "alarm"]) == [
      for name in output.alarm_names : "arn:aws:cloudwatch:eu-central-1:111122223333:alarm:${name}"
    ]
    error_message = "The dashboard must show the state of every alarm."
  }
  assert {
    condition     = !anytrue([for widget in jsondecode(aws_cloudwatch_dashboard.main.dashboard_body).widgets : can(widget.properties.data) && widget.type != "chart"])
    error_message = "A PromQL widget must have the type chart: CloudWatch refuses the dashboard otherwise."
  }
  # The dashboard shows each of the service's metrics. tests/telemetry checks that the service sends each of them.
  assert {
    condition = alltrue([
      for row in regexall("(?m)^\\| `((?:http|echo)[.][a-z._]+)` \\|", file("${path.module}/../../docs/telemetry.md")) : strcontains(aws_cloudwatch_dashboard.main.dashboard_body, row[0])
    ])
    error_message = "The dashboard must show every metric of docs/telemetry.md."
  }
  assert {
    condition = alltrue(flatten([
      for widget in jsondecode(aws_cloudwatch_dashboard.main.dashboard_body).widgets : [
        for query in widget.properties.data.queries : query.language == "PromQL" && query.type == "cloudwatch-metrics" &&
        length(regexall("\\{\"", query.query)) == length(regexall("\"@resource.service.name\"=\"echo\", \"@resource.deployment.environment.name\"=\"test\"", query.query))
      ] if widget.type == "chart"
    ]))
    error_message = "Every selector in a query must select this environment only."
  }
  assert {
    condition = alltrue(flatten([
      for widget in jsondecode(aws_cloudwatch_dashboard.main.dashboard_body).widgets : [
        for metric in widget.properties.metrics : anytrue([for value in metric : contains(["echo-test", "app/echo-test/50dc6c495c0c9188", "Echo/echo-test", "/echo/echo-test/service", "/echo/echo-test/collector"], try(tostring(value), ""))])
        # The quota is the account's.
        if metric[0] != "AWS/Usage"
      ] if widget.type == "metric"
    ]))
    error_message = "Every metric of a widget must belong to this environment."
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.main["cpu-saturated"].threshold == 50 && aws_cloudwatch_metric_alarm.main["memory-saturated"].threshold == 76 &&
      endswith(jsondecode(aws_cloudformation_stack.promql[0].template_body).Resources.MocksSlow.Properties.EvaluationCriteria.PromQLCriteria.Query, " > 0.5") &&
      jsondecode(aws_cloudformation_stack.promql[0].template_body).Resources.TelemetrySilent.Properties.EvaluationCriteria.PromQLCriteria.PendingPeriod == 1500
    )
    error_message = "Given thresholds must be used, and the others must keep their defaults."
  }
  # A schedule that stops the service.
  assert {
    condition = (
      aws_cloudwatch_metric_alarm.main["tasks-below-minimum"].threshold == 0 && aws_cloudwatch_metric_alarm.main["tasks-below-minimum"].treat_missing_data == "notBreaching" &&
      [for id, alarm in jsondecode(aws_cloudformation_stack.promql[0].template_body).Resources : id if !alarm.Properties.ActionsEnabled] == ["TelemetrySilent"]
    )
    error_message = "With task_count_min = 0, tasks-below-minimum and telemetry-silent must not ring."
  }
  assert {
    condition     = length(aws_sns_topic_subscription.email) == 0 && alltrue([for group in aws_cloudwatch_log_group.main : group.retention_in_days == 7])
    error_message = "Without alarm_emails there must be no subscription, and logs must have the given retention."
  }
}
