# Planned by the real provider, so that the policy documents are real, without AWS.

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

# What only AWS can tell, so that it is seen who refers to it.
override_resource {
  target          = aws_sns_topic.alarms
  override_during = plan
  values          = { arn = "arn:aws:sns:eu-central-1:111122223333:echo-test-alarms" }
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
}

run "alarms" {
  command = plan

  variables {
    alarm_emails    = ["one@example.com", "two@example.com"]
    certificate_arn = "arn:aws:acm:eu-central-1:111122223333:certificate/1"
  }

  # Each alarm of the issue, none silently gone.
  assert {
    condition = toset([for name in output.alarm_names : trimprefix(name, "echo-test-")]) == toset([
      "certificate-expiring", "cpu-saturated", "error-lines", "load-balancer-5xx", "management-5xx", "management-latency", "memory-saturated", "mocks-faults",
      "mocks-latency", "table-errors", "table-throttled", "tasks-below-minimum", "tasks-missing", "telemetry-silent", "unhealthy-tasks",
    ])
    error_message = "The alarms are not those that the runbook is written for."
  }
  assert {
    condition = toset(output.alarm_names) == toset(concat(
      [for alarm in aws_cloudwatch_metric_alarm.main : alarm.alarm_name],
      [for alarm in jsondecode(aws_cloudformation_stack.promql[0].template_body).Resources : alarm.Properties.AlarmName],
    ))
    error_message = "alarm_names must name exactly the alarms that are made."
  }
  assert {
    condition = alltrue([
      for alarm in aws_cloudwatch_metric_alarm.main : alarm.alarm_actions == toset(["arn:aws:sns:eu-central-1:111122223333:echo-test-alarms"]) && alarm.ok_actions == alarm.alarm_actions && alarm.actions_enabled
    ])
    error_message = "An alarm tells nobody that it rings, or that it is over."
  }
  assert {
    condition = alltrue([
      for name in output.alarm_names : strcontains(file("${path.module}/../../docs/runbook.md"), "\n### ${trimprefix(name, "echo-test-")}\n")
    ])
    error_message = "An alarm has no entry in docs/runbook.md: write a heading of level 3 that is called like it."
  }
  # Without the headings of what is not an alarm, which stand below a heading of their own.
  assert {
    condition = toset([
      for heading in regexall("(?m)^### (.+)$", split("\n## What is not an alarm\n", file("${path.module}/../../docs/runbook.md"))[0]) : heading[0]
    ]) == toset([for name in output.alarm_names : trimprefix(name, "echo-test-")])
    error_message = "docs/runbook.md has an entry for an alarm that there is not."
  }
  assert {
    condition = alltrue([
      for slug, alarm in aws_cloudwatch_metric_alarm.main : endswith(alarm.alarm_description, " https://example.com/runbook.md#${slug}") && length(alarm.alarm_description) <= 1024
    ])
    error_message = "An alarm does not link to its own entry in the runbook."
  }
  assert {
    condition = toset([
      for heading in regexall("(?m)^### ([a-z0-9-]+)\n\n\\*Rolls back", file("${path.module}/../../docs/runbook.md")) : "echo-test-${heading[0]}"
    ]) == toset(output.rollback_alarm_names)
    error_message = "docs/runbook.md marks other alarms as rolling back than those that do."
  }
  assert {
    condition     = toset(output.rollback_alarm_names) == toset(["echo-test-error-lines", "echo-test-management-5xx"])
    error_message = "A deployment must be rolled back by what only Echo can ring, and by nothing that who calls mocks can: a load test, slow bodies, a mock that answers late."
  }
  assert {
    condition = !anytrue([
      for alarm in aws_cloudwatch_metric_alarm.main : alarm.metric_name == "HTTPCode_Target_5XX_Count" && !strcontains(try(alarm.dimensions.TargetGroup, ""), "-management/")
    ])
    error_message = "An alarm takes a mock that is told to answer 5xx for a fault."
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.main["load-balancer-5xx"].metric_name == "HTTPCode_ELB_5XX_Count" &&
      aws_cloudwatch_metric_alarm.main["load-balancer-5xx"].dimensions == tomap({ LoadBalancer = "app/echo-test/50dc6c495c0c9188" }) &&
      aws_cloudwatch_metric_alarm.main["load-balancer-5xx"].statistic == "Sum" &&
      aws_cloudwatch_metric_alarm.main["load-balancer-5xx"].treat_missing_data == "notBreaching"
    )
    error_message = "load-balancer-5xx must count what the load balancer itself answers; no such answer is good."
  }
  # An alarm on a percentile by itself keeps its state where there are few samples, or takes one for all.
  assert {
    condition = alltrue([
      for face in ["management", "mocks"] :
      { for query in aws_cloudwatch_metric_alarm.main["${face}-latency"].metric_query : query.id => try(one(query.metric).stat, query.expression) } == {
        p50 = "p50", p99 = "p99", requests = "Sum", result = "IF(requests >= 100, p99, p50)"
      } &&
      alltrue([for query in aws_cloudwatch_metric_alarm.main["${face}-latency"].metric_query : one(query.metric).dimensions.TargetGroup == var.target_group_arn_suffixes[face] if !query.return_data])
    ])
    error_message = "An alarm on latency must be the 99th percentile of its own face, and the median where there are few requests."
  }
  assert {
    condition = (
      aws_cloudwatch_metric_alarm.main["certificate-expiring"].comparison_operator == "LessThanThreshold" && aws_cloudwatch_metric_alarm.main["certificate-expiring"].threshold == 30 &&
      aws_cloudwatch_metric_alarm.main["certificate-expiring"].dimensions == tomap({ CertificateArn = "arn:aws:acm:eu-central-1:111122223333:certificate/1" }) &&
      aws_cloudwatch_metric_alarm.main["certificate-expiring"].treat_missing_data == "ignore"
    )
    error_message = "certificate-expiring must ring 30 days before, and go on ringing when ACM says no more of a certificate that has expired."
  }
  assert {
    condition = (
      aws_cloudwatch_metric_alarm.main["tasks-below-minimum"].comparison_operator == "LessThanThreshold" &&
      aws_cloudwatch_metric_alarm.main["tasks-below-minimum"].threshold == 2 &&
      aws_cloudwatch_metric_alarm.main["tasks-below-minimum"].statistic == "SampleCount" && aws_cloudwatch_metric_alarm.main["tasks-below-minimum"].period == 60 &&
      aws_cloudwatch_metric_alarm.main["tasks-below-minimum"].treat_missing_data == "breaching"
    )
    error_message = "tasks-below-minimum must ring when fewer than 2 tasks report in a minute, and when none does."
  }
  assert {
    condition = (
      { for query in aws_cloudwatch_metric_alarm.main["tasks-missing"].metric_query : query.id => query.expression if query.return_data } == { result = "desired - running" } &&
      { for query in aws_cloudwatch_metric_alarm.main["tasks-missing"].metric_query : query.id => one(query.metric).metric_name if !query.return_data } == { desired = "DesiredTaskCount", running = "RunningTaskCount" } &&
      aws_cloudwatch_metric_alarm.main["tasks-missing"].metric_name == null
    )
    error_message = "tasks-missing must compare how many tasks run with how many should."
  }
  assert {
    condition = toset([
      for query in aws_cloudwatch_metric_alarm.main["unhealthy-tasks"].metric_query : one(query.metric).dimensions.TargetGroup if !query.return_data
    ]) == toset(values(var.target_group_arn_suffixes))
    error_message = "unhealthy-tasks must look at both target groups."
  }
  assert {
    condition = { for query in aws_cloudwatch_metric_alarm.main["table-errors"].metric_query : query.id => one(query.metric).dimensions if !query.return_data } == {
      for id, operation in { get = "GetItem", query = "Query", read = "TransactGetItems", write = "TransactWriteItems" } : id => tomap({ TableName = "echo-test", Operation = operation })
    }
    error_message = "table-errors must look at each operation that the service uses."
  }
  # An expression that names a metric which is not there is refused by AWS only at the apply.
  assert {
    condition = alltrue(flatten([
      for alarm in aws_cloudwatch_metric_alarm.main : [
        for query in alarm.metric_query : toset(regexall("[a-z][a-z0-9]*", query.expression)) == toset([for other in alarm.metric_query : other.id if !other.return_data]) if query.return_data
      ]
    ]))
    error_message = "An alarm's expression and its metrics do not name the same."
  }
  assert {
    condition = alltrue([
      for alarm in aws_cloudwatch_metric_alarm.main : alarm.datapoints_to_alarm <= alarm.evaluation_periods && length(alarm.metric_query) <= 10
    ])
    error_message = "An alarm asks for more data points than it looks at, or for more metrics than AWS allows."
  }
  assert {
    condition = (
      aws_cloudwatch_log_metric_filter.error_lines.pattern == "{ $.level = \"ERROR\" }" && aws_cloudwatch_log_metric_filter.error_lines.log_group_name == "/echo/echo-test/service" &&
      one(aws_cloudwatch_log_metric_filter.error_lines.metric_transformation).namespace == aws_cloudwatch_metric_alarm.main["error-lines"].namespace &&
      one(aws_cloudwatch_log_metric_filter.error_lines.metric_transformation).name == aws_cloudwatch_metric_alarm.main["error-lines"].metric_name
    )
    error_message = "The alarm on errors must count what the filter of the service's log counts."
  }

  assert {
    condition = jsondecode(aws_cloudformation_stack.promql[0].template_body).Resources.TelemetrySilent.Properties.EvaluationCriteria.PromQLCriteria == {
      Query          = "absent_over_time({\"echo.endpoints\", \"@resource.service.name\"=\"echo\", \"@resource.deployment.environment.name\"=\"test\"}[5m])"
      PendingPeriod  = 600
      RecoveryPeriod = 60
    }
    error_message = "telemetry-silent must ring when this environment's service has sent nothing for 15 minutes."
  }
  assert {
    condition     = endswith(jsondecode(aws_cloudformation_stack.promql[0].template_body).Resources.MocksFaults.Properties.EvaluationCriteria.PromQLCriteria.Query, " > 5")
    error_message = "mocks-faults must ring above its threshold."
  }
  assert {
    condition = alltrue([
      for alarm in jsondecode(aws_cloudformation_stack.promql[0].template_body).Resources :
      alarm.Properties.AlarmActions == [aws_sns_topic.alarms.arn] && alarm.Properties.OKActions == alarm.Properties.AlarmActions && alarm.Properties.ActionsEnabled &&
      endswith(alarm.Properties.AlarmDescription, " https://example.com/runbook.md#${trimprefix(alarm.Properties.AlarmName, "echo-test-")}")
    ])
    error_message = "An alarm on PromQL must go to the topic, and link to its own entry in the runbook."
  }

  # The topic.
  assert {
    condition     = aws_sns_topic.alarms.kms_master_key_id == "alias/echo-alarms"
    error_message = "Alarms must be encrypted with the key that is given."
  }
  assert {
    condition = [
      for statement in jsondecode(data.aws_iam_policy_document.alarms_topic.json).Statement : [statement.Action, statement.Principal, statement.Condition] if statement.Effect == "Allow"
      ] == [["sns:Publish", { Service = "cloudwatch.amazonaws.com" }, {
        StringEquals                  = { "aws:SourceAccount" = "111122223333" }
        ArnLike                       = { "aws:SourceArn" = "arn:aws:cloudwatch:eu-central-1:111122223333:alarm:echo-test-*" }
    }]]
    error_message = "Only alarms of this environment may publish to its topic."
  }
  assert {
    condition     = anytrue([for statement in jsondecode(data.aws_iam_policy_document.alarms_topic.json).Statement : statement.Effect == "Deny" && statement.Condition == { Bool = { "aws:SecureTransport" = "false" } }])
    error_message = "Nothing may be published without TLS."
  }
  assert {
    condition = { for subscription in aws_sns_topic_subscription.email : subscription.endpoint => subscription.protocol } == {
      "one@example.com" = "email", "two@example.com" = "email"
    }
    error_message = "Each address must get mails."
  }

  # Logs.
  assert {
    condition     = output.log_group_names == { collector = "/echo/echo-test/collector", service = "/echo/echo-test/service" } && alltrue([for group in aws_cloudwatch_log_group.main : group.retention_in_days == 30])
    error_message = "There must be a log group for service and collector, for 30 days."
  }
}

run "without_promql_and_certificate" {
  command = plan
  variables {
    promql = false
  }

  assert {
    condition     = length(aws_cloudformation_stack.promql) == 0 && length(output.alarm_names) == length(aws_cloudwatch_metric_alarm.main)
    error_message = "Without PromQL nothing may be made that a region would refuse."
  }
  assert {
    condition = toset([for widget in jsondecode(aws_cloudwatch_dashboard.main.dashboard_body).widgets : widget.type]) == toset(["alarm", "log", "metric", "text"]) && alltrue([
      for y in distinct([for widget in jsondecode(aws_cloudwatch_dashboard.main.dashboard_body).widgets : widget.y]) :
      sum([for widget in jsondecode(aws_cloudwatch_dashboard.main.dashboard_body).widgets : widget.width if widget.y == y]) == 24
    ])
    error_message = "Without PromQL the dashboard must have no widget that asks by it, and rows as wide as before."
  }
  assert {
    condition     = length(setintersection([for name in output.alarm_names : trimprefix(name, "echo-test-")], ["certificate-expiring", "mocks-faults", "telemetry-silent"])) == 0
    error_message = "Without certificate and PromQL there is nothing for these alarms to look at."
  }
}

run "refuses_what_has_another_form" {
  command = plan
  variables {
    alarm_emails       = ["operators"]
    environment        = "Test"
    log_retention_days = 8
    name               = "Echo"
    runbook_url        = "https://example.com/runbook.md#top"
    task_count_min     = -1
    thresholds         = { cpu_percent = 100 }
  }
  expect_failures = [
    var.alarm_emails, var.environment, var.log_retention_days, var.name, var.runbook_url, var.task_count_min, var.thresholds,
  ]
}

run "refuses_negative_thresholds_and_half_a_task" {
  command = plan
  variables {
    runbook_url    = "http://example.com/runbook.md"
    task_count_min = 1.5
    thresholds     = { load_balancer_5xx = -1 }
  }
  expect_failures = [var.runbook_url, var.task_count_min, var.thresholds]
}

run "refuses_hasty_silence" {
  command = plan
  variables {
    thresholds = { telemetry_silent_minutes = 5 }
  }
  expect_failures = [var.thresholds]
}

run "example_production" {
  command = plan
  module {
    source = "./examples/production"
  }
  override_data {
    target = module.observability.data.aws_caller_identity.current
    values = { account_id = "123456789012" }
  }

  assert {
    condition     = length(output.rollback_alarm_names) > 0
    error_message = "The example must give the service the alarms that roll it back."
  }
}
