# The operator's first view, from the outside in: alarms, load balancer, the service's own metrics, tasks, table, log.
#
# Widgets of type `metric` draw AWS's metrics; the service's own metrics, by PromQL, need the type `chart`. CloudWatch
# refuses the whole dashboard otherwise. Names of own metrics contain dots, so queries quote them. Histograms are
# native, without buckets by name.

locals {
  own = {
    for name in [
      "echo.endpoints", "echo.mocks.limit", "echo.mocks.missed", "echo.mocks.served", "echo.mocks.size", "echo.rate_limited", "echo.replica.age", "echo.replica.damaged",
      "echo.replica.diverged", "echo.replica.divergences", "echo.replica.readings", "echo.replica.reloads", "echo.replica.waits", "echo.store.operation.duration", "http.server.active_requests",
    ] : name => "{\"${name}\", ${local.telemetry_of_this}}"
  }
  # ECS's id of a replica, also in names of log streams. `service.instance.id` appears only in telemetry.
  task = "\"@resource.aws.ecs.task.arn\""

  # The console's page of a trace, with X-Ray's form of the id: 1-67891233-abcdef012345678912345678. Lines without a
  # trace have no address. The address is text to copy: CloudWatch documents no links in a log table.
  traces_url = "https://${local.region}.console.aws.amazon.com/cloudwatch/home?region=${local.region}#xray:traces/"
  trace_url  = "concat('${local.traces_url}1-', substr(span.trace_id, 0, 8), '-', substr(span.trace_id, 8))"

  # Without PromQL, the other widgets of a row share its width, and a row of PromQL widgets only is omitted.
  dashboard_rows = [for row in local.every_row : merge(row, { widgets = [for widget in row.widgets : widget if var.promql || !can(widget.queries)] })
  if var.promql || anytrue([for widget in row.widgets : !can(widget.queries)])]
  every_row = [
    { height = 2, widgets = [
      { text = join("\n", [
        "# ${var.name}",
        "When an alarm rings, follow the [runbook](${var.runbook_url}). Requests in detail: [traces](${local.traces_url}query). All times are UTC.",
      ]) },
    ] },
    { height = 4, widgets = [
      { alarms = [for slug in keys(local.alarms) : "${local.alarm_arn_prefix}${slug}"], title = "Alarms" },
    ] },

    { height = 6, widgets = concat([
      # Without a firewall this metric does not exist, and no line appears.
      { title = "Load balancer: requests, per minute", stat = "Sum", metrics = concat(
        [for face, dimensions in local.target_groups : { namespace = "AWS/ApplicationELB", metric = "RequestCount", dimensions = dimensions, label = face }],
        [{ namespace = "AWS/WAFV2", metric = "BlockedRequests", dimensions = { WebACL = var.name, Region = local.region, Rule = "ALL" }, label = "firewall" }],
      ) },
      { title = "Load balancer: own 5xx, per minute", lines = ["load-balancer-5xx"], stat = "Sum", metrics = [
        for label, metric in {
          "500"                               = local.failures.failed.metric
          "502 (mocks can close connections)" = "HTTPCode_ELB_502_Count"
          "503"                               = local.failures.unavailable.metric
          "504"                               = local.failures.late.metric
          "failed connections"                = local.failures.unconnected.metric
        } : { namespace = "AWS/ApplicationELB", metric = metric, dimensions = local.load_balancer, label = label }
      ] },
      { title = "Service: 5xx, per minute", lines = ["management-5xx"], stat = "Sum", metrics = [
        { namespace = "AWS/ApplicationELB", metric = "HTTPCode_Target_5XX_Count", dimensions = local.target_groups.management, label = "management" },
        { namespace = "AWS/ApplicationELB", metric = "HTTPCode_Target_5XX_Count", dimensions = local.target_groups.mocks, label = "mocks (mocks can define 5xx)" },
      ] },
      ], [for arn in var.certificate[*].arn :
      { title = "Days until the certificate expires", lines = ["certificate-expiring"], stat = "Minimum", period = 86400, metrics = [
        { namespace = "AWS/CertificateManager", metric = "DaysToExpiry", dimensions = { CertificateArn = arn }, label = "days" },
      ] }
    ]) },

    # Separate scales: a mock takes milliseconds, a change takes far longer.
    { height = 6, widgets = flatten([for face in ["mocks", "management"] : [
      # No line for mocks: their delays count here.
      { title = "${title(face)}: latency (load balancer), s", lines = [for slug in ["management-latency"] : slug if startswith(slug, face)], metrics = [
        for stat in ["p50", "p99"] : merge(local.latency[face][stat], { label = stat })
      ] },
      { title = "${title(face)}: latency (service), s", queries = {
        for id, quantile in { p50 = 0.5, p99 = 0.99 } : id => "histogram_quantile(${quantile}, sum(rate({${local.requests[face]}}[5m])))"
      } },
    ]]) },

    { height = 6, widgets = [
      { title = "Calls of mocks, per second", queries = {
        served = "sum by (\"echo.answer\") (rate(${local.own["echo.mocks.served"]}[5m]))"
        missed = "sum(rate(${local.own["echo.mocks.missed"]}[5m]))"
      } },
      { title = "Faults of Echo itself, per second", queries = {
        for face, requests in local.requests : face => "histogram_count(sum by (${local.task}) (rate({${requests}, \"error.type\"!=\"\"}[5m])))"
      } },
      { title = "Requests in progress, and refused (429) per second", queries = {
        active       = "sum(${local.own["http.server.active_requests"]})"
        rate_limited = "sum(rate(${local.own["echo.rate_limited"]}[5m]))"
      } },
    ] },

    { height = 6, widgets = [
      { title = "Operations of the store: p99 latency, s", queries = {
        p99 = "histogram_quantile(0.99, sum by (\"echo.store.operation\") (rate(${local.own["echo.store.operation.duration"]}[5m])))"
      } },
      { title = "Mocks held by each replica", queries = {
        damaged   = "sum by (${local.task}) (${local.own["echo.replica.damaged"]})"
        diverged  = "max by (${local.task}) (${local.own["echo.replica.diverged"]})"
        endpoints = "sum by (${local.task}) (${local.own["echo.endpoints"]})"
      } },
      { title = "Memory of all mocks, bytes (above the limit: 507)", queries = {
        limit = "min(${local.own["echo.mocks.limit"]})"
        size  = "max(${local.own["echo.mocks.size"]})"
      } },
    ] },

    { height = 6, widgets = [
      { title = "Age of each replica's state, s (lease: 0.15)", queries = {
        age = "max by (${local.task}) (${local.own["echo.replica.age"]})"
      } },
      { title = "Readings of the change log, per second", queries = {
        divergences = "sum(rate(${local.own["echo.replica.divergences"]}[5m]))"
        readings    = "sum by (${local.task}) (rate(${local.own["echo.replica.readings"]}[5m]))"
        reloads     = "sum(rate(${local.own["echo.replica.reloads"]}[5m]))"
      } },
      { title = "Requests that waited, per second", queries = {
        waits = "sum by (\"echo.replica.wait\") (rate(${local.own["echo.replica.waits"]}[5m]))"
      } },
    ] },

    { height = 6, widgets = [
      { title = "Reporting, running and desired tasks", lines = ["tasks-below-minimum"], metrics = [
        { namespace = "AWS/ECS", metric = "CPUUtilization", dimensions = local.service, stat = "SampleCount", label = "reporting" },
        { namespace = "ECS/ContainerInsights", metric = "RunningTaskCount", dimensions = local.service, stat = "Average", label = "running" },
        { namespace = "ECS/ContainerInsights", metric = "DesiredTaskCount", dimensions = local.service, stat = "Average", label = "desired" },
      ] },
      { title = "Healthy and unhealthy tasks", metrics = flatten([
        for face, dimensions in local.target_groups : [
          for label, it in { healthy = ["HealthyHostCount", "Minimum"], unhealthy = ["UnHealthyHostCount", "Maximum"] } :
          { namespace = "AWS/ApplicationELB", metric = it[0], dimensions = dimensions, stat = it[1], label = "${face}: ${label}" }
        ]
      ]) },
      # Two versions during a rollout; only the first one after a rollback.
      { title = "Tasks of each version (deployments)", queries = {
        tasks = "count by (\"@resource.service.version\") (${local.own["echo.endpoints"]})"
      } },
    ] },

    { height = 6, widgets = [
      { title = "CPU of the tasks, %", lines = ["cpu-saturated"], metrics = [
        for stat in ["Average", "Maximum"] : { namespace = "AWS/ECS", metric = "CPUUtilization", dimensions = local.service, stat = stat, label = stat }
      ] },
      { title = "Memory of the tasks, %", lines = ["memory-saturated"], metrics = [
        for stat in ["Average", "Maximum"] : { namespace = "AWS/ECS", metric = "MemoryUtilization", dimensions = local.service, stat = stat, label = stat }
      ] },
      { title = "Lines of level ERROR, per 5 minutes", lines = ["error-lines"], stat = "Sum", period = 300, metrics = [merge(local.error_lines, { dimensions = {}, label = "lines" })] },
    ] },

    { height = 6, widgets = [
      { title = "Table: capacity used, per minute", stat = "Sum", metrics = [
        for metric in ["ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits"] : { namespace = "AWS/DynamoDB", metric = metric, dimensions = local.table, label = metric }
      ] },
      { title = "Table: throttles, conflicts, per minute", stat = "Sum", metrics = [
        for metric in ["ReadThrottleEvents", "WriteThrottleEvents", "TransactionConflict"] : { namespace = "AWS/DynamoDB", metric = metric, dimensions = local.table, label = metric }
      ] },
      { title = "Table: failures of DynamoDB, per minute", stat = "Sum", metrics = [
        for operation in ["GetItem", "Query", "TransactGetItems", "TransactWriteItems"] : {
          namespace = "AWS/DynamoDB", metric = "SystemErrors", dimensions = merge(local.table, { Operation = operation }), label = operation
        }
      ] },
      { title = "Table: latency, ms", stat = "Average", metrics = [
        for operation in ["GetItem", "Query", "TransactGetItems", "TransactWriteItems"] : {
          namespace = "AWS/DynamoDB", metric = "SuccessfulRequestLatency", dimensions = merge(local.table, { Operation = operation }), label = operation
        }
      ] },
    ] },

    { height = 6, widgets = [
      { title = "Log data, bytes per hour", lines = ["log-volume"], stat = "Sum", period = 3600, metrics = [
        for id, it in local.log_bytes : { namespace = it.namespace, metric = it.metric, dimensions = it.dimensions, label = replace(id, "_", " ") }
      ] },
      { title = "vCPU on Fargate: all tasks of the account", stat = "Maximum", period = 300, metrics = [
        { namespace = "AWS/Usage", metric = "ResourceCount", dimensions = local.vcpu, label = "on demand" },
      ] },
    ] },

    { height = 8, widgets = [
      { title = "Warnings and errors of the service, newest first", log = join(" | ", [
        "SOURCE '${aws_cloudwatch_log_group.main["service"].name}'",
        "fields @timestamp, level, message, error, panic, span.trace_id, ${local.trace_url} as trace, @logStream",
        "filter level in ['WARN', 'ERROR']",
        "sort @timestamp desc",
        "limit 100",
      ]) },
    ] },
  ]

  # Rows divide the 24 columns among their widgets, and follow each other from top to bottom.
  dashboard_widgets = flatten([
    for y, row in local.dashboard_rows : [
      for x, widget in row.widgets : merge(
        {
          width  = 24 / length(row.widgets)
          height = row.height
          x      = x * 24 / length(row.widgets)
          y      = sum(concat([0], [for above in slice(local.dashboard_rows, 0, y) : above.height]))
        },
        can(widget.text) ? { type = "text", properties = { markdown = widget.text } } : null,
        can(widget.alarms) ? { type = "alarm", properties = { title = widget.title, alarms = widget.alarms } } : null,
        can(widget.log) ? { type = "log", properties = { title = widget.title, region = local.region, view = "table", query = widget.log } } : null,
        can(widget.metrics) ? { type = "metric", properties = merge(
          {
            title  = widget.title
            region = local.region
            view   = "timeSeries"
            period = try(widget.period, 60)
            yAxis  = { left = { min = 0 } }
            metrics = [for it in widget.metrics : concat(
              [it.namespace, it.metric],
              flatten([for name, value in it.dimensions : [name, value]]),
              [{ label = it.label, stat = try(it.stat, widget.stat) }],
            )]
          },
          # Thresholds of these alarms.
          can(widget.lines) ? {
            annotations = { horizontal = [for slug in widget.lines : { label = slug, value = try(local.alarms[slug].above, local.alarms[slug].below) }] }
          } : null,
        ) } : null,
        can(widget.queries) ? { type = "chart", properties = {
          title  = widget.title
          region = local.region
          view   = "line"
          data = { queries = [
            for id, query in widget.queries : { id = id, type = "cloudwatch-metrics", language = "PromQL", query = query, label = id }
          ] }
        } } : null,
      )
    ]
  ])
}

resource "aws_cloudwatch_dashboard" "main" {
  dashboard_name = var.name
  dashboard_body = jsonencode({ start = "-PT3H", widgets = local.dashboard_widgets })
}
