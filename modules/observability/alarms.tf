# All alarms in one table, so that each has its actions and its entry in the runbook.
#
# The reasons for thresholds are in thresholds.tf or in a comment here. tests/telemetry has data for each alarm that
# makes it ring, and data that does not.
#
# No alarm reads a metric that mocks change on purpose. A mock may answer 503, or after a minute, or close its
# connection (502 of the load balancer). mocks-faults and mocks-slow ask the service, which knows its own faults and
# times.

locals {
  load_balancer = { LoadBalancer = var.load_balancer_arn_suffix }
  target_groups = { for face, suffix in var.target_group_arn_suffixes : face => { LoadBalancer = var.load_balancer_arn_suffix, TargetGroup = suffix } }
  # For the dashboard, and for the alarm on management.
  latency = { for face, dimensions in local.target_groups : face => {
    p50      = { namespace = "AWS/ApplicationELB", metric = "TargetResponseTime", stat = "p50", dimensions = dimensions }
    p99      = { namespace = "AWS/ApplicationELB", metric = "TargetResponseTime", stat = "p99", dimensions = dimensions }
    requests = { namespace = "AWS/ApplicationELB", metric = "RequestCount", stat = "Sum", dimensions = dimensions }
  } }
  # The load balancer's failures that no mock causes. A dead task refuses connections.
  failures = { for id, metric in {
    failed      = "HTTPCode_ELB_500_Count"
    late        = "HTTPCode_ELB_504_Count"
    unavailable = "HTTPCode_ELB_503_Count"
    unconnected = "TargetConnectionErrorCount"
  } : id => { namespace = "AWS/ApplicationELB", metric = metric, stat = "Sum", dimensions = local.load_balancer } }

  service = { ClusterName = var.cluster_name, ServiceName = var.service_name }
  table   = { TableName = var.table_name }
  # Tasks of all services in the account share the quota.
  vcpu = { Service = "Fargate", Type = "Resource", Resource = "vCPU", Class = "Standard/OnDemand" }
  # Log groups that grow with requests.
  watched_log_groups = merge({ for container, group in aws_cloudwatch_log_group.main : container => group.name }, var.other_log_group_names)
  log_bytes = { for id, group in local.watched_log_groups :
    id => { namespace = "AWS/Logs", metric = "IncomingBytes", stat = "Sum", dimensions = { LogGroupName = group } }
  }

  error_lines = { namespace = "Echo/${var.name}", metric = "ErrorLines" }

  # p99 from 100 requests a minute, p50 below: a single slow request in a quiet night does not ring, many slow requests
  # do. CloudWatch's own setting for few samples, "ignore", keeps the alarm's state, so an alarm from a load test would
  # ring until the next one.
  slowest = "IF(requests >= 100, p99, p50)"

  # By name of the alarm and of its entry in the runbook. `metrics`: a single metric, or several that `expression`
  # combines. The alarm rings if `datapoints` of the last `of` periods of `seconds` are above `above` (or below
  # `below`). `rolls_back`: only for alarms that only Echo or its table can ring, because a caller's load test or slow
  # client must not undo a release. `query`: a PromQL query on the service's own metrics (promql.tf); the alarm rings
  # when the query has returned a result for `seconds`.
  alarms = { for slug, alarm in local.every_alarm : slug => alarm if try(alarm.is_made, true) }
  every_alarm = {
    load-balancer-5xx = {
      says       = "The load balancer itself sends 5xx: no task is healthy (503), tasks accept no connection (502), or tasks are too slow (504)."
      metrics    = local.failures
      expression = "SUM([failed, late, unavailable, unconnected])"
      above      = local.thresholds.load_balancer_5xx
      seconds    = 60
      datapoints = 3
      of         = 5
    }
    management-5xx = {
      says       = "Requests to management fail with 5xx: the service has a fault, or cannot reach its table."
      metrics    = { errors = { namespace = "AWS/ApplicationELB", metric = "HTTPCode_Target_5XX_Count", stat = "Sum", dimensions = local.target_groups.management } }
      above      = local.thresholds.management_5xx
      seconds    = 60
      datapoints = 3
      of         = 5
      rolls_back = true
    }
    error-lines = {
      says       = "The service logs lines of level ERROR: faults of Echo itself or of its table."
      metrics    = { lines = merge(local.error_lines, { stat = "Sum", dimensions = {} }) }
      above      = local.thresholds.error_lines
      seconds    = 300
      datapoints = 1
      of         = 1
      rolls_back = true
    }
    mocks-faults = {
      says  = "Echo itself answers calls of mocks with 5xx; most likely, tasks cannot read their table. 5xx answers that a mock defines do not count."
      query = "histogram_count(sum(increase({${local.requests.mocks}, \"error.type\"!=\"\"}[3m]))) > ${local.thresholds.mocks_faults}"
      # A failure in a single minute has left the query's three minutes by then.
      seconds = 180
      is_made = var.promql
    }
    mocks-near-limit = {
      says    = "All mocks together use more than ${local.thresholds.mocks_memory_percent} % of the memory for mocks. At 100 %, Echo refuses new mocks with 507."
      query   = "100 * max(${local.own["echo.mocks.size"]} / ${local.own["echo.mocks.limit"]}) > ${local.thresholds.mocks_memory_percent}"
      seconds = 300
      is_made = var.promql
    }
    mocks-slow = {
      says  = "Echo itself takes long for calls of mocks: p99 above ${local.thresholds.mocks_p99_seconds} s (p50 with fewer than 100 requests a minute). Delays that a mock defines do not count."
      query = "(histogram_quantile(0.99, ${local.calls}) and 60 * histogram_count(${local.calls}) >= 100 or histogram_quantile(0.5, ${local.calls})) > ${local.thresholds.mocks_p99_seconds}"
      # Four slow minutes. A slow minute stays in the query's range for two.
      seconds = 240
      is_made = var.promql
    }
    management-latency = {
      says       = "Requests to management are slow: p99 above ${local.thresholds.management_p99_seconds} s (p50 in minutes with fewer than 100 requests)."
      metrics    = local.latency["management"]
      expression = local.slowest
      above      = local.thresholds.management_p99_seconds
      seconds    = 60
      datapoints = 4
      of         = 5
    }
    unhealthy-tasks = {
      says = "At least one task fails the load balancer's health check: the task does not answer GET /-/ready with 200."
      metrics = { for face, dimensions in local.target_groups :
        face => { namespace = "AWS/ApplicationELB", metric = "UnHealthyHostCount", stat = "Maximum", dimensions = dimensions }
      }
      # Both groups check the same path of the same tasks, so two alarms would always ring together.
      expression = "MAX([management, mocks])"
      # A new task needs a minute or two to become ready, and ECS replaces a task that stays unready.
      above      = 0
      seconds    = 60
      datapoints = 5
      of         = 5
    }
    tasks-missing = {
      says = "Fewer tasks run than autoscaling wants: tasks do not start, or stop again."
      metrics = {
        desired = { namespace = "ECS/ContainerInsights", metric = "DesiredTaskCount", stat = "Average", dimensions = local.service }
        running = { namespace = "ECS/ContainerInsights", metric = "RunningTaskCount", stat = "Average", dimensions = local.service }
      }
      expression = "desired - running"
      # A rollout or the replacement of a task takes less time.
      above      = 0
      seconds    = 60
      datapoints = 10
      of         = 10
    }
    tasks-below-minimum = {
      says = "Fewer tasks run than the environment's minimum of ${var.task_count_min}."
      # Each task reports once a minute, so the number of reports is the number of tasks. Free, and without Container
      # Insights.
      metrics    = { reports = { namespace = "AWS/ECS", metric = "CPUUtilization", stat = "SampleCount", dimensions = local.service } }
      below      = var.task_count_min
      seconds    = 60
      datapoints = 5
      of         = 5
      # Without tasks there are no reports.
      missing = var.task_count_min > 0 ? "breaching" : "notBreaching"
    }
    cpu-saturated = {
      says       = "Tasks use more than ${local.thresholds.cpu_percent} % of their CPU on average: autoscaling is at its maximum, or does not work."
      metrics    = { used = { namespace = "AWS/ECS", metric = "CPUUtilization", stat = "Average", dimensions = local.service } }
      above      = local.thresholds.cpu_percent
      seconds    = 300
      datapoints = 3
      of         = 3
    }
    memory-saturated = {
      says    = "Tasks use more memory on average than ${local.thresholds.memory_percent} % of the service's share and half of the collector's share. Above its share, a container is killed. More tasks do not help: each task holds all mocks."
      metrics = { used = { namespace = "AWS/ECS", metric = "MemoryUtilization", stat = "Average", dimensions = local.service } }
      # The metric is in percent of the task, and includes the collector. It usually takes less than half of its share.
      above      = floor(local.thresholds.memory_percent * var.memory_share + 50 * (1 - var.memory_share))
      seconds    = 300
      datapoints = 3
      of         = 3
    }
    table-throttled = {
      says = "DynamoDB refuses requests to the table because of their rate."
      metrics = {
        reads  = { namespace = "AWS/DynamoDB", metric = "ReadThrottleEvents", stat = "Sum", dimensions = local.table }
        writes = { namespace = "AWS/DynamoDB", metric = "WriteThrottleEvents", stat = "Sum", dimensions = local.table }
      }
      expression = "SUM([reads, writes])"
      # The service repeats refused requests, so a single minute has no visible effect.
      above      = 0
      seconds    = 60
      datapoints = 3
      of         = 5
    }
    table-errors = {
      says = "DynamoDB itself fails to answer requests to the table."
      # DynamoDB counts errors by operation only. The service uses these operations.
      metrics = { for id, operation in { get = "GetItem", query = "Query", read = "TransactGetItems", write = "TransactWriteItems" } :
        id => { namespace = "AWS/DynamoDB", metric = "SystemErrors", stat = "Sum", dimensions = merge(local.table, { Operation = operation }) }
      }
      expression = "SUM([get, query, read, write])"
      # DynamoDB promises 99.99 %, and the service repeats requests: errors in three minutes are no coincidence.
      above      = 0
      seconds    = 60
      datapoints = 3
      of         = 5
    }
    replicas-diverged = {
      says = "Mocks of a replica differ from the digest of the table: somebody edited the table by hand, a restore is incomplete, or Echo has a fault."
      # The gauge stays at 1 for 15 minutes after a divergence, so an export cannot miss a repaired divergence.
      query   = "max(${local.own["echo.replica.diverged"]}) > 0"
      seconds = 60
      is_made = var.promql
    }
    telemetry-silent = {
      says = "CloudWatch has received no metric of the service for ${local.thresholds.telemetry_silent_minutes} minutes. Clients notice nothing, but mocks-faults cannot ring."
      # Each replica exports this gauge once a minute, with or without calls.
      query = "absent_over_time(${local.own["echo.endpoints"]}[${local.silence_minutes}m])"
      # Time after the query's range has become empty.
      seconds = (local.thresholds.telemetry_silent_minutes - local.silence_minutes) * 60
      # A service is silent on purpose while a schedule has switched it off.
      is_on   = var.task_count_min > 0
      is_made = var.promql
    }
    log-volume = {
      says       = "The log groups take more than ${floor(local.thresholds.log_bytes / 1000000)} MB in an hour. CloudWatch charges for each GB, and strangers' traffic can write them."
      metrics    = local.log_bytes
      expression = "SUM([${join(", ", keys(local.log_bytes))}])"
      above      = local.thresholds.log_bytes
      seconds    = 3600
      datapoints = 1
      of         = 1
    }
    vcpu-near-quota = {
      says    = "All tasks of the account use more than ${local.thresholds.vcpu_quota_percent} % of the quota of vCPU on Fargate. Beyond the quota, tasks do not start: no scaling, no rollout, no replacement."
      metrics = { used = { namespace = "AWS/Usage", metric = "ResourceCount", stat = "Maximum", dimensions = local.vcpu } }
      # vCPU above this share of the quota. A rollout doubles the tasks for some minutes.
      expression = "used - SERVICE_QUOTA(used) * ${local.thresholds.vcpu_quota_percent} / 100"
      above      = 0
      seconds    = 300
      datapoints = 2
      of         = 2
    }
    certificate-expiring = {
      says    = "The certificate expires in less than ${local.thresholds.certificate_days} days. After the expiry, clients refuse every connection."
      metrics = { days = { namespace = "AWS/CertificateManager", metric = "DaysToExpiry", stat = "Minimum", dimensions = { CertificateArn = try(var.certificate.arn, "-") } } }
      below   = local.thresholds.certificate_days
      # ACM reports the metric once or twice a day.
      seconds    = 86400
      datapoints = 1
      of         = 1
      # ACM reports nothing for a new certificate, and stops after the expiry.
      missing = "ignore"
      is_made = var.certificate != null
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "main" {
  for_each = { for slug, alarm in local.alarms : slug => alarm if !can(alarm.query) }

  alarm_name        = "${var.name}-${each.key}"
  alarm_description = "${each.value.says} Runbook: ${var.runbook_url}#${each.key}"
  alarm_actions     = [try(aws_sns_topic.alarms[0].arn, var.topic_arn)]
  ok_actions        = [try(aws_sns_topic.alarms[0].arn, var.topic_arn)]

  comparison_operator = can(each.value.above) ? "GreaterThanThreshold" : "LessThanThreshold"
  threshold           = can(each.value.above) ? each.value.above : each.value.below
  datapoints_to_alarm = each.value.datapoints
  evaluation_periods  = each.value.of
  # Most of these metrics exist only with events to count.
  treat_missing_data = try(each.value.missing, "notBreaching")

  # A single metric.
  namespace   = can(each.value.expression) ? null : one(values(each.value.metrics)).namespace
  metric_name = can(each.value.expression) ? null : one(values(each.value.metrics)).metric
  dimensions  = can(each.value.expression) ? null : one(values(each.value.metrics)).dimensions
  period      = can(each.value.expression) ? null : each.value.seconds
  statistic   = can(each.value.expression) ? null : one(values(each.value.metrics)).stat

  # Or an expression of several metrics.
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
