# Plans with the real provider, without AWS, so that policy documents are real.

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

# A value that only AWS knows, given here so that assertions can compare references to the topic.
override_resource {
  target          = aws_sns_topic.alarms[0]
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
  memory_share   = 0.75
}

run "alarms" {
  command = plan

  variables {
    alarm_emails = ["one@example.com", "two@example.com"]
    certificate  = { arn = "arn:aws:acm:eu-central-1:111122223333:certificate/1" }

    other_log_group_names = { firewall = "aws-waf-logs-echo-test" }
  }

  # The complete list, so that no alarm disappears unnoticed.
  assert {
    condition = toset([for name in output.alarm_names : trimprefix(name, "echo-test-")]) == toset([
      "certificate-expiring", "cpu-saturated", "error-lines", "load-balancer-5xx", "log-volume", "management-5xx", "management-latency", "memory-saturated", "mocks-faults",
      "mocks-near-limit", "mocks-slow", "replicas-diverged", "table-errors", "table-throttled", "tasks-below-minimum", "tasks-missing", "telemetry-silent", "unhealthy-tasks",
      "vcpu-near-quota",
    ])
    error_message = "The alarms differ from the list in this test: add or remove the alarm here, in docs/runbook.md and in tests/telemetry."
  }
  assert {
    condition = toset(output.alarm_names) == toset(concat(
      [for alarm in aws_cloudwatch_metric_alarm.main : alarm.alarm_name],
      [for alarm in jsondecode(aws_cloudformation_stack.promql[0].template_body).Resources : alarm.Properties.AlarmName],
    ))
    error_message = "alarm_names must list exactly the planned alarms."
  }
  assert {
    condition = alltrue([
      for alarm in aws_cloudwatch_metric_alarm.main : alarm.alarm_actions == toset(["arn:aws:sns:eu-central-1:111122223333:echo-test-alarms"]) && alarm.ok_actions == alarm.alarm_actions && alarm.actions_enabled
    ])
    error_message = "Every alarm must notify the topic when it starts and when it ends."
  }
  assert {
    condition = alltrue([
      for name in output.alarm_names : strcontains(file("${path.module}/../../docs/runbook.md"), "\n### ${trimprefix(name, "echo-test-")}\n")
    ])
    error_message = "An alarm has no entry in docs/runbook.md: write a heading of level 3 with the alarm's name."
  }
  # Only headings above "What is not an alarm".
  assert {
    condition = toset([
      for heading in regexall("(?m)^### (.+)$", split("\n## What is not an alarm\n", file("${path.module}/../../docs/runbook.md"))[0]) : heading[0]
    ]) == toset([for name in output.alarm_names : trimprefix(name, "echo-test-")])
    error_message = "docs/runbook.md has an entry for an alarm that does not exist."
  }
  assert {
    condition = alltrue([
      for slug, alarm in aws_cloudwatch_metric_alarm.main : endswith(alarm.alarm_description, " https://example.com/runbook.md#${slug}") && length(alarm.alarm_description) <= 1024
    ])
    error_message = "Every alarm must link to its own entry in the runbook, in at most 1,024 characters."
  }
  assert {
    condition = toset([
      for heading in regexall("(?m)^### ([a-z0-9-]+)\n\n\\*Rolls back", file("${path.module}/../../docs/runbook.md")) : "echo-test-${heading[0]}"
    ]) == toset(output.rollback_alarm_names)
    error_message = "docs/runbook.md must mark exactly the alarms of rollback_alarm_names with *Rolls back.*"
  }
  assert {
    condition     = toset(output.rollback_alarm_names) == toset(["echo-test-error-lines", "echo-test-management-5xx"])
    error_message = "Only alarms that Echo or its table causes may roll a deployment back. Clients can cause the others, by load tests, slow bodies or slow mocks."
  }
  # UnHealthyHostCount counts health checks, which no mock answers.
  assert {
    condition = toset(flatten([
      for alarm in aws_cloudwatch_metric_alarm.main : [
        for metric in concat([{ metric_name = alarm.metric_name, dimensions = alarm.dimensions }], flatten(alarm.metric_query[*].metric)) : metric.metric_name
        if try(metric.dimensions.TargetGroup, "") == var.target_group_arn_suffixes.mocks
      ]
    ])) == toset(["UnHealthyHostCount"])
    error_message = "No alarm may read answers of the mocks' target group: a mock can define a 5xx, and delay its answer."
  }
  # Neither 502 nor all 5xx together: for a mock with a fault, the load balancer sends 502.
  assert {
    condition = {
      for query in aws_cloudwatch_metric_alarm.main["load-balancer-5xx"].metric_query : query.id => join(" ", [one(query.metric).metric_name, one(query.metric).stat, one(query.metric).dimensions.LoadBalancer]) if !query.return_data
      } == { for id, metric in {
        failed = "HTTPCode_ELB_500_Count", late = "HTTPCode_ELB_504_Count", unavailable = "HTTPCode_ELB_503_Count", unconnected = "TargetConnectionErrorCount"
    } : id => "${metric} Sum app/echo-test/50dc6c495c0c9188" } && aws_cloudwatch_metric_alarm.main["load-balancer-5xx"].treat_missing_data == "notBreaching"
    error_message = "load-balancer-5xx must count the load balancer's failures that no mock requests, and treat missing data as good."
  }
  # With few samples, an alarm on a percentile alone keeps its state, or rings for a single request.
  assert {
    condition = (
      { for query in aws_cloudwatch_metric_alarm.main["management-latency"].metric_query : query.id => try(one(query.metric).stat, query.expression) } == {
        p50 = "p50", p99 = "p99", requests = "Sum", result = "IF(requests >= 100, p99, p50)"
      } &&
      alltrue([for query in aws_cloudwatch_metric_alarm.main["management-latency"].metric_query : one(query.metric).dimensions.TargetGroup == var.target_group_arn_suffixes.management if !query.return_data])
    )
    error_message = "The alarm on latency must use p99 of management, and p50 in minutes with few requests."
  }
  assert {
    condition = (
      aws_cloudwatch_metric_alarm.main["certificate-expiring"].comparison_operator == "LessThanThreshold" && aws_cloudwatch_metric_alarm.main["certificate-expiring"].threshold == 30 &&
      aws_cloudwatch_metric_alarm.main["certificate-expiring"].dimensions == tomap({ CertificateArn = "arn:aws:acm:eu-central-1:111122223333:certificate/1" }) &&
      aws_cloudwatch_metric_alarm.main["certificate-expiring"].treat_missing_data == "ignore"
    )
    error_message = "certificate-expiring must ring 30 days before the expiry, and keep its state when ACM stops reporting an expired certificate."
  }
  assert {
    condition = (
      { for query in aws_cloudwatch_metric_alarm.main["log-volume"].metric_query : query.id => one(query.metric).dimensions.LogGroupName if !query.return_data } == {
        collector = "/echo/echo-test/collector", firewall = "aws-waf-logs-echo-test", service = "/echo/echo-test/service"
      } &&
      one([for query in aws_cloudwatch_metric_alarm.main["log-volume"].metric_query : query.expression if query.return_data]) == "SUM([collector, firewall, service])" &&
      aws_cloudwatch_metric_alarm.main["log-volume"].threshold == 500000000
    )
    error_message = "log-volume must count the bytes of the module's log groups and of the given ones."
  }
  assert {
    condition = (
      one([for query in aws_cloudwatch_metric_alarm.main["vcpu-near-quota"].metric_query : query.expression if query.return_data]) == "used - SERVICE_QUOTA(used) * 80 / 100" &&
      one(flatten([for query in aws_cloudwatch_metric_alarm.main["vcpu-near-quota"].metric_query : query.metric[*].dimensions if !query.return_data])) == tomap({
        Service = "Fargate", Type = "Resource", Resource = "vCPU", Class = "Standard/OnDemand"
      })
    )
    error_message = "vcpu-near-quota must compare the account's vCPU on demand with its quota."
  }
  assert {
    condition = (
      aws_cloudwatch_metric_alarm.main["tasks-below-minimum"].comparison_operator == "LessThanThreshold" &&
      aws_cloudwatch_metric_alarm.main["tasks-below-minimum"].threshold == 2 &&
      aws_cloudwatch_metric_alarm.main["tasks-below-minimum"].statistic == "SampleCount" && aws_cloudwatch_metric_alarm.main["tasks-below-minimum"].period == 60 &&
      aws_cloudwatch_metric_alarm.main["tasks-below-minimum"].treat_missing_data == "breaching"
    )
    error_message = "tasks-below-minimum must ring when fewer than 2 tasks report in a minute, and when no task reports."
  }
  assert {
    condition = (
      { for query in aws_cloudwatch_metric_alarm.main["tasks-missing"].metric_query : query.id => query.expression if query.return_data } == { result = "desired - running" } &&
      { for query in aws_cloudwatch_metric_alarm.main["tasks-missing"].metric_query : query.id => one(query.metric).metric_name if !query.return_data } == { desired = "DesiredTaskCount", running = "RunningTaskCount" } &&
      aws_cloudwatch_metric_alarm.main["tasks-missing"].metric_name == null
    )
    error_message = "tasks-missing must compare the running with the desired number of tasks."
  }
  assert {
    condition = toset([
      for query in aws_cloudwatch_metric_alarm.main["unhealthy-tasks"].metric_query : one(query.metric).dimensions.TargetGroup if !query.return_data
    ]) == toset(values(var.target_group_arn_suffixes))
    error_message = "unhealthy-tasks must cover both target groups."
  }
  assert {
    condition = { for query in aws_cloudwatch_metric_alarm.main["table-errors"].metric_query : query.id => one(query.metric).dimensions if !query.return_data } == {
      for id, operation in { get = "GetItem", query = "Query", read = "TransactGetItems", write = "TransactWriteItems" } : id => tomap({ TableName = "echo-test", Operation = operation })
    }
    error_message = "table-errors must watch each operation that the service uses."
  }
  # AWS refuses an expression with an unknown metric only at the apply.
  assert {
    condition = alltrue(flatten([
      for alarm in aws_cloudwatch_metric_alarm.main : [
        for query in alarm.metric_query : toset(regexall("[a-z][a-z0-9]*", query.expression)) == toset([for other in alarm.metric_query : other.id if !other.return_data]) if query.return_data
      ]
    ]))
    error_message = "An alarm's expression must use exactly the alarm's metrics."
  }
  assert {
    condition = alltrue([
      for alarm in aws_cloudwatch_metric_alarm.main : alarm.datapoints_to_alarm <= alarm.evaluation_periods && length(alarm.metric_query) <= 10
    ])
    error_message = "An alarm needs more data points than its periods have, or more metrics than AWS allows (10)."
  }
  assert {
    condition = (
      aws_cloudwatch_log_metric_filter.error_lines.pattern == "{ $.level = \"ERROR\" }" && aws_cloudwatch_log_metric_filter.error_lines.log_group_name == "/echo/echo-test/service" &&
      one(aws_cloudwatch_log_metric_filter.error_lines.metric_transformation).namespace == aws_cloudwatch_metric_alarm.main["error-lines"].namespace &&
      one(aws_cloudwatch_log_metric_filter.error_lines.metric_transformation).name == aws_cloudwatch_metric_alarm.main["error-lines"].metric_name
    )
    error_message = "error-lines must use the metric of the log filter, which counts lines of level ERROR."
  }

  assert {
    condition = jsondecode(aws_cloudformation_stack.promql[0].template_body).Resources.TelemetrySilent.Properties.EvaluationCriteria.PromQLCriteria == {
      Query          = "absent_over_time({\"echo.endpoints\", \"@resource.service.name\"=\"echo\", \"@resource.deployment.environment.name\"=\"test\"}[5m])"
      PendingPeriod  = 600
      RecoveryPeriod = 60
    }
    error_message = "telemetry-silent must ring when this environment's service has sent no metric for 15 minutes."
  }
  assert {
    condition = { for id in ["MocksFaults", "MocksSlow"] : id => regex("> (\\S+)$", jsondecode(aws_cloudformation_stack.promql[0].template_body).Resources[id].Properties.EvaluationCriteria.PromQLCriteria.Query)[0] } == {
      MocksFaults = "5", MocksSlow = "0.25"
    }
    error_message = "mocks-faults and mocks-slow must ring above their thresholds."
  }
  assert {
    condition = alltrue([
      for alarm in jsondecode(aws_cloudformation_stack.promql[0].template_body).Resources :
      alarm.Properties.AlarmActions == [aws_sns_topic.alarms[0].arn] && alarm.Properties.OKActions == alarm.Properties.AlarmActions && alarm.Properties.ActionsEnabled &&
      endswith(alarm.Properties.AlarmDescription, " https://example.com/runbook.md#${trimprefix(alarm.Properties.AlarmName, "echo-test-")}")
    ])
    error_message = "An alarm on PromQL must notify the topic, and link to its own entry in the runbook."
  }

  # The topic.
  assert {
    condition     = aws_sns_topic.alarms[0].kms_master_key_id == "alias/echo-alarms"
    error_message = "The topic must use the key kms_key_id."
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
    error_message = "The topic must refuse messages without TLS."
  }
  assert {
    condition = { for subscription in aws_sns_topic_subscription.email : subscription.endpoint => subscription.protocol } == {
      "one@example.com" = "email", "two@example.com" = "email"
    }
    error_message = "Each address in alarm_emails must have a subscription."
  }

  # Logs.
  assert {
    condition     = output.log_group_names == { collector = "/echo/echo-test/collector", service = "/echo/echo-test/service" } && alltrue([for group in aws_cloudwatch_log_group.main : group.retention_in_days == 30])
    error_message = "Service and collector must each have a log group, with a retention of 30 days."
  }
}

run "without_promql_and_certificate" {
  command = plan
  variables {
    promql = false
  }

  assert {
    condition     = length(aws_cloudformation_stack.promql) == 0 && length(output.alarm_names) == length(aws_cloudwatch_metric_alarm.main)
    error_message = "Without PromQL there must be no stack, because the region would refuse its alarms."
  }
  assert {
    condition = toset([for widget in jsondecode(aws_cloudwatch_dashboard.main.dashboard_body).widgets : widget.type]) == toset(["alarm", "log", "metric", "text"]) && alltrue([
      for y in distinct([for widget in jsondecode(aws_cloudwatch_dashboard.main.dashboard_body).widgets : widget.y]) :
      sum([for widget in jsondecode(aws_cloudwatch_dashboard.main.dashboard_body).widgets : widget.width if widget.y == y]) == 24
    ])
    error_message = "Without PromQL the dashboard must have no chart, and rows must keep their full width."
  }
  assert {
    condition     = length(setintersection([for name in output.alarm_names : trimprefix(name, "echo-test-")], ["certificate-expiring", "mocks-faults", "mocks-near-limit", "mocks-slow", "replicas-diverged", "telemetry-silent"])) == 0
    error_message = "Without certificate and PromQL, certificate-expiring, mocks-faults, mocks-near-limit, mocks-slow, replicas-diverged and telemetry-silent must not exist."
  }
}

run "a_given_topic_and_key" {
  command = plan

  variables {
    topic_arn       = "arn:aws:sns:eu-central-1:111122223333:operations"
    log_kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/1"
  }

  assert {
    condition = length(aws_sns_topic.alarms) == 0 && output.topic_arn == "arn:aws:sns:eu-central-1:111122223333:operations" && alltrue([
      for alarm in aws_cloudwatch_metric_alarm.main : alarm.alarm_actions == toset([output.topic_arn]) && alarm.ok_actions == alarm.alarm_actions
      ]) && alltrue([
      for alarm in jsondecode(aws_cloudformation_stack.promql[0].template_body).Resources : alarm.Properties.AlarmActions == [output.topic_arn]
    ])
    error_message = "Every alarm must notify the given topic, and no other topic may exist."
  }
  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.main : group.kms_key_id == "arn:aws:kms:eu-central-1:111122223333:key/1"])
    error_message = "The given key must encrypt the logs."
  }
}

run "refuses_addresses_beside_a_given_topic" {
  command = plan
  variables {
    topic_arn    = "arn:aws:sns:eu-central-1:111122223333:operations"
    alarm_emails = ["one@example.com"]
  }
  expect_failures = [var.topic_arn]
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
    error_message = "The example must output the alarms that roll a deployment back."
  }
}

run "refuses_an_unknown_threshold" {
  command = plan
  variables {
    thresholds = { mocks_p99 = 1 }
  }
  expect_failures = [var.thresholds]
}

run "refuses_a_percentage_that_never_rings" {
  command = plan
  variables {
    thresholds = { cpu_percent = 100 }
  }
  expect_failures = [var.thresholds]
}

run "refuses_a_negative_threshold" {
  command = plan
  variables {
    thresholds = { load_balancer_5xx = -1 }
  }
  expect_failures = [var.thresholds]
}

run "refuses_less_than_10_silent_minutes" {
  command = plan
  variables {
    thresholds = { telemetry_silent_minutes = 5 }
  }
  expect_failures = [var.thresholds]
}
