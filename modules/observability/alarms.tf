# Every alarm, in one table, so that none lacks an action or its entry in the runbook.
#
# Why a threshold is what it is says `thresholds` (variables.tf), or a comment here; tests/telemetry has data for each that makes it ring,
# and data that does not.
#
# What is not here: 5xx answers on the mocks' target group. A mock may be told to answer 503, and then that is right.

locals {
  load_balancer = { LoadBalancer = var.load_balancer_arn_suffix }
  target_groups = { for face, suffix in var.target_group_arn_suffixes : face => { LoadBalancer = var.load_balancer_arn_suffix, TargetGroup = suffix } }
  service       = { ClusterName = var.cluster_name, ServiceName = var.service_name }
  table         = { TableName = var.table_name }

  error_lines = { namespace = "Echo/${var.name}", metric = "ErrorLines" }

  # By what the alarm and its entry in the runbook are called. `metrics` is one, or several that `expression` makes one of.
  # It rings when `above` is exceeded (or `below` is not reached) in `datapoints` of the last `of` periods of `seconds`.
  alarms = {
    load-balancer-5xx = {
      says       = "The load balancer itself answers 5xx: it finds no healthy task, or tasks hang up on it or are too slow."
      metrics    = { errors = { namespace = "AWS/ApplicationELB", metric = "HTTPCode_ELB_5XX_Count", stat = "Sum", dimensions = local.load_balancer } }
      above      = var.thresholds.load_balancer_5xx
      seconds    = 60
      datapoints = 3
      of         = 5
      rolls_back = true
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
      says       = "The service logs errors: these are its own faults, or those of its table, on management and on mocks."
      metrics    = { lines = merge(local.error_lines, { stat = "Sum", dimensions = {} }) }
      above      = var.thresholds.error_lines
      seconds    = 300
      datapoints = 1
      of         = 1
      rolls_back = true
    }
    mocks-latency = {
      says       = "One in a hundred requests to mocks takes longer than ${var.thresholds.mocks_p99_seconds} s."
      metrics    = { latency = { namespace = "AWS/ApplicationELB", metric = "TargetResponseTime", stat = "p99", dimensions = local.target_groups.mocks } }
      above      = var.thresholds.mocks_p99_seconds
      seconds    = 60
      datapoints = 4
      of         = 5
      rolls_back = true
    }
    management-latency = {
      says       = "One in a hundred requests to management takes longer than ${var.thresholds.management_p99_seconds} s."
      metrics    = { latency = { namespace = "AWS/ApplicationELB", metric = "TargetResponseTime", stat = "p99", dimensions = local.target_groups.management } }
      above      = var.thresholds.management_p99_seconds
      seconds    = 60
      datapoints = 4
      of         = 5
      # Fewer than a thousand requests a minute are usual here: ignored, they would never ring.
      few = "evaluate"
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
  }
}

resource "aws_cloudwatch_metric_alarm" "main" {
  for_each = local.alarms

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

  # One metric as it is. A percentile is another argument than a statistic, and says little about less than ten requests above it:
  # for p99 that is a minute with less than a thousand.
  namespace                             = can(each.value.expression) ? null : one(values(each.value.metrics)).namespace
  metric_name                           = can(each.value.expression) ? null : one(values(each.value.metrics)).metric
  dimensions                            = can(each.value.expression) ? null : one(values(each.value.metrics)).dimensions
  period                                = can(each.value.expression) ? null : each.value.seconds
  statistic                             = can(each.value.expression) || local.percentile[each.key] ? null : one(values(each.value.metrics)).stat
  extended_statistic                    = local.percentile[each.key] ? one(values(each.value.metrics)).stat : null
  evaluate_low_sample_count_percentiles = local.percentile[each.key] ? try(each.value.few, "ignore") : null

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

locals {
  # What the runbook has to have an entry for: the table's, and the one of telemetry_silent.tf.
  slugs = sort(concat(keys(local.alarms), [local.telemetry_silent]))

  percentile = { for slug, alarm in local.alarms : slug => !can(alarm.expression) && alltrue([for metric in values(alarm.metrics) : startswith(metric.stat, "p")]) }
}
