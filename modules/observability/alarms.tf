# Every alarm, in one table, so that none lacks an action or its entry in the runbook.
#
# Why a threshold is what it is says `thresholds` (variables.tf), or a comment here; tests/telemetry has data for each that makes it ring,
# and data that does not.
#
# What is not here: 5xx answers on the mocks' target group. A mock may be told to answer 503, and then that is right. mocks-faults asks
# the service itself, which knows which of them are its own.

locals {
  load_balancer = { LoadBalancer = var.load_balancer_arn_suffix }
  target_groups = { for face, suffix in var.target_group_arn_suffixes : face => { LoadBalancer = var.load_balancer_arn_suffix, TargetGroup = suffix } }
  latency = { for face, dimensions in local.target_groups : face => {
    p50      = { namespace = "AWS/ApplicationELB", metric = "TargetResponseTime", stat = "p50", dimensions = dimensions }
    p99      = { namespace = "AWS/ApplicationELB", metric = "TargetResponseTime", stat = "p99", dimensions = dimensions }
    requests = { namespace = "AWS/ApplicationELB", metric = "RequestCount", stat = "Sum", dimensions = dimensions }
  } }

  service = { ClusterName = var.cluster_name, ServiceName = var.service_name }
  table   = { TableName = var.table_name }

  error_lines = { namespace = "Echo/${var.name}", metric = "ErrorLines" }

  # One in a hundred; or one of two where there are less than a hundred in the minute, so that a single slow one in a quiet night says
  # nothing, and many do. CloudWatch's own way with few samples, to "ignore" them, keeps the state: what rang in a load test would
  # ring until the next.
  slowest = "IF(requests >= 100, p99, p50)"

  # By what the alarm and its entry in the runbook are called. `metrics` is one, or several that `expression` makes one of.
  # It rings when `above` is exceeded (or `below` is not reached) in `datapoints` of the last `of` periods of `seconds`.
  # `rolls_back` is for what only Echo or its table can ring: who calls mocks, by a load test or slowly, must not undo a release.
  # Or it has a PromQL `query` about the service's own metrics (promql.tf), and rings when that has had an answer for `seconds`.
  alarms = { for slug, alarm in local.every_alarm : slug => alarm if try(alarm.is_made, true) }
  every_alarm = {
    load-balancer-5xx = {
      says       = "The load balancer itself answers 5xx: it finds no healthy task, or tasks hang up on it or are too slow."
      metrics    = { errors = { namespace = "AWS/ApplicationELB", metric = "HTTPCode_ELB_5XX_Count", stat = "Sum", dimensions = local.load_balancer } }
      above      = var.thresholds.load_balancer_5xx
      seconds    = 60
      datapoints = 3
      of         = 5
    }
    management-5xx = {
      says       = "Management answers 5xx: the service has a fault, or can not reach its table."
      metrics    = { errors = { namespace = "AWS/ApplicationELB", metric = "HTTPCode_Target_5XX_Count", stat = "Sum", dimensions = local.target_groups.management } }
      above      = var.thresholds.management_5xx
      seconds    = 60
      datapoints = 3
      of         = 5
      rolls_back = true
    }
    error-lines = {
      says       = "The service logs errors: these are its own faults, or those of its table."
      metrics    = { lines = merge(local.error_lines, { stat = "Sum", dimensions = {} }) }
      above      = var.thresholds.error_lines
      seconds    = 300
      datapoints = 1
      of         = 1
      rolls_back = true
    }
    mocks-faults = {
      says  = "Echo itself answers calls of mocks with 5xx, not because a mock is told to: most likely it can not read its table."
      query = "histogram_count(sum(increase({${local.requests.mocks}, \"error.type\"!=\"\"}[3m]))) > ${var.thresholds.mocks_faults}"
      # What has failed once, however often in that minute, is out of the query's three minutes by then.
      seconds = 180
      is_made = var.promql
    }
    mocks-latency = {
      says       = "One in a hundred requests to mocks takes longer than ${var.thresholds.mocks_p99_seconds} s."
      metrics    = local.latency["mocks"]
      expression = local.slowest
      above      = var.thresholds.mocks_p99_seconds
      seconds    = 60
      datapoints = 4
      of         = 5
    }
    management-latency = {
      says       = "One in a hundred requests to management takes longer than ${var.thresholds.management_p99_seconds} s."
      metrics    = local.latency["management"]
      expression = local.slowest
      above      = var.thresholds.management_p99_seconds
      seconds    = 60
      datapoints = 4
      of         = 5
    }
    unhealthy-tasks = {
      says = "A task that should serve does not say that it is ready."
      metrics = { for face, dimensions in local.target_groups :
        face => { namespace = "AWS/ApplicationELB", metric = "UnHealthyHostCount", stat = "Maximum", dimensions = dimensions }
      }
      # Both groups ask the same question of the same tasks, so that two alarms would always ring together.
      expression = "MAX([management, mocks])"
      # A task that starts is not ready for a minute or two, and ECS replaces one that stays so.
      above      = 0
      seconds    = 60
      datapoints = 5
      of         = 5
    }
    tasks-missing = {
      says = "Fewer tasks run than autoscaling wants: they do not start, or do not stay."
      metrics = {
        desired = { namespace = "ECS/ContainerInsights", metric = "DesiredTaskCount", stat = "Average", dimensions = local.service }
        running = { namespace = "ECS/ContainerInsights", metric = "RunningTaskCount", stat = "Average", dimensions = local.service }
      }
      expression = "desired - running"
      # A rollout and a task that is replaced are over in less.
      above      = 0
      seconds    = 60
      datapoints = 10
      of         = 10
    }
    tasks-below-minimum = {
      says = "Fewer than ${var.task_count_min} tasks run."
      # Each task reports once a minute, so that the reports are a count of them, which costs nothing and needs no Container Insights.
      metrics    = { reports = { namespace = "AWS/ECS", metric = "CPUUtilization", stat = "SampleCount", dimensions = local.service } }
      below      = var.task_count_min
      seconds    = 60
      datapoints = 5
      of         = 5
      # Where nothing runs, nothing reports.
      missing = var.task_count_min > 0 ? "breaching" : "notBreaching"
    }
    cpu-saturated = {
      says       = "Tasks use more than ${var.thresholds.cpu_percent} % of their CPU, and autoscaling does not help."
      metrics    = { used = { namespace = "AWS/ECS", metric = "CPUUtilization", stat = "Average", dimensions = local.service } }
      above      = var.thresholds.cpu_percent
      seconds    = 300
      datapoints = 3
      of         = 3
    }
    memory-saturated = {
      says       = "Tasks use more than ${var.thresholds.memory_percent} % of their memory; at 100 % they are killed."
      metrics    = { used = { namespace = "AWS/ECS", metric = "MemoryUtilization", stat = "Average", dimensions = local.service } }
      above      = var.thresholds.memory_percent
      seconds    = 300
      datapoints = 3
      of         = 3
    }
    table-throttled = {
      says = "DynamoDB refuses requests to the table because there are too many."
      metrics = {
        reads  = { namespace = "AWS/DynamoDB", metric = "ReadThrottleEvents", stat = "Sum", dimensions = local.table }
        writes = { namespace = "AWS/DynamoDB", metric = "WriteThrottleEvents", stat = "Sum", dimensions = local.table }
      }
      expression = "SUM([reads, writes])"
      # The service sends again what was refused once, so that a single minute of it is seen by nobody.
      above      = 0
      seconds    = 60
      datapoints = 3
      of         = 5
    }
    table-errors = {
      says = "DynamoDB fails to answer requests to the table."
      # It counts them by operation only. These are what the service uses.
      metrics = { for id, operation in { get = "GetItem", query = "Query", read = "TransactGetItems", write = "TransactWriteItems" } :
        id => { namespace = "AWS/DynamoDB", metric = "SystemErrors", stat = "Sum", dimensions = merge(local.table, { Operation = operation }) }
      }
      expression = "SUM([get, query, read, write])"
      # DynamoDB promises 99.99 %, and the service sends again: three minutes with one are no chance.
      above      = 0
      seconds    = 60
      datapoints = 3
      of         = 5
    }
    telemetry-silent = {
      says = "No metric of the service has arrived for ${var.thresholds.telemetry_silent_minutes} minutes."
      # A gauge that each replica sends once a minute, whether anybody calls it or not.
      query = "absent_over_time({\"echo.endpoints\", ${local.telemetry_of_this}}[${local.silence_minutes}m])"
      # After that has been empty, this long.
      seconds = (var.thresholds.telemetry_silent_minutes - local.silence_minutes) * 60
      # A service that a schedule switches off is silent, and right.
      is_on   = var.task_count_min > 0
      is_made = var.promql
    }
    certificate-expiring = {
      says    = "The certificate expires in less than ${var.thresholds.certificate_days} days, and then clients refuse every connection."
      metrics = { days = { namespace = "AWS/CertificateManager", metric = "DaysToExpiry", stat = "Minimum", dimensions = { CertificateArn = coalesce(var.certificate_arn, "-") } } }
      below   = var.thresholds.certificate_days
      # ACM tells it once or twice a day.
      seconds    = 86400
      datapoints = 1
      of         = 1
      # It tells nothing of one that is new, and nothing more of one that has expired.
      missing = "ignore"
      is_made = var.certificate_arn != null
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "main" {
  for_each = { for slug, alarm in local.alarms : slug => alarm if !can(alarm.query) }

  alarm_name        = "${var.name}-${each.key}"
  alarm_description = "${each.value.says} What to do: ${var.runbook_url}#${each.key}"
  alarm_actions     = [aws_sns_topic.alarms.arn]
  ok_actions        = [aws_sns_topic.alarms.arn]

  comparison_operator = can(each.value.above) ? "GreaterThanThreshold" : "LessThanThreshold"
  threshold           = can(each.value.above) ? each.value.above : each.value.below
  datapoints_to_alarm = each.value.datapoints
  evaluation_periods  = each.value.of
  # Most of these are counted only where they happen.
  treat_missing_data = try(each.value.missing, "notBreaching")

  # One metric as it is.
  namespace   = can(each.value.expression) ? null : one(values(each.value.metrics)).namespace
  metric_name = can(each.value.expression) ? null : one(values(each.value.metrics)).metric
  dimensions  = can(each.value.expression) ? null : one(values(each.value.metrics)).dimensions
  period      = can(each.value.expression) ? null : each.value.seconds
  statistic   = can(each.value.expression) ? null : one(values(each.value.metrics)).stat

  # Or what an expression makes of several.
  dynamic "metric_query" {
    for_each = can(each.value.expression) ? each.value.metrics : {}

    content {
      id          = metric_query.key
      return_data = false

      metric {
        namespace   = metric_query.value.namespace
        metric_name = metric_query.value.metric
        dimensions  = metric_query.value.dimensions
        stat        = metric_query.value.stat
        period      = each.value.seconds
      }
    }
  }

  dynamic "metric_query" {
    for_each = can(each.value.expression) ? [each.value.expression] : []

    content {
      id          = "result"
      label       = each.key
      expression  = metric_query.value
      return_data = true
    }
  }
}
