# What an operator looks at first, from the outside in: alarms, load balancer, the service's own metrics, tasks, table, log.
#
# Vended metrics are drawn by widgets of type `metric`; the service's own, by PromQL, need the type `chart`: CloudWatch refuses
# the whole dashboard otherwise. Their names keep their dots and have to be quoted. Histograms are native, without buckets by name.

locals {
  own = {
    for name in [
      "echo.endpoints", "echo.mocks.missed", "echo.mocks.served", "echo.rate_limited", "echo.replica.age", "echo.replica.readings",
      "echo.replica.reloads", "echo.replica.waits", "echo.store.operation.duration", "http.server.active_requests",
    ] : name => "{\"${name}\", ${local.telemetry_of_this}}"
  }
  # What ECS and the log's streams call a replica. The process's own `service.instance.id` is nowhere else.
  task = "\"@resource.aws.ecs.task.arn\""

  # Where the console shows a trace, by an id of X-Ray's form: 1-67891233-abcdef012345678912345678. A line without a trace has none. It is
  # text, to be copied: nothing says that CloudWatch makes a link of it.
  traces_url = "https://${local.region}.console.aws.amazon.com/cloudwatch/home?region=${local.region}#xray:traces/"
  trace_url  = "concat('${local.traces_url}1-', substr(span.trace_id, 0, 8), '-', substr(span.trace_id, 8))"

  # Without PromQL the rest of a row is as wide, and a row of nothing else is not there.
  dashboard_rows = [for row in local.every_row : merge(row, { widgets = [for widget in row.widgets : widget if var.promql || !can(widget.queries)] })
  if var.promql || anytrue([for widget in row.widgets : !can(widget.queries)])]
  every_row = [
    { height = 2, widgets = [
      { text = join("\n", [
        "# ${var.name}",
        "What to do when an alarm rings: [runbook](${var.runbook_url}). [Traces](${local.traces_url}query). All times are UTC.",
      ]) },
    ] },
    { height = 4, widgets = [
      { alarms = [for slug in keys(local.alarms) : "${local.alarm_arn_prefix}${slug}"], title = "Alarms" },
    ] },

    { height = 6, widgets = concat([
      # Where there is no firewall, there is no such metric and no line.
      { title = "Requests at the load balancer, a minute", stat = "Sum", metrics = concat(
        [for face, dimensions in local.target_groups : { namespace = "AWS/ApplicationELB", metric = "RequestCount", dimensions = dimensions, label = face }],
        [{ namespace = "AWS/WAFV2", metric = "BlockedRequests", dimensions = { WebACL = var.name, Region = local.region, Rule = "ALL" }, label = "firewall" }],
      ) },
      { title = "5xx of the load balancer itself, a minute", lines = ["load-balancer-5xx"], stat = "Sum", metrics = [
        for codes in ["5XX", "502", "503", "504"] : { namespace = "AWS/ApplicationELB", metric = "HTTPCode_ELB_${codes}_Count", dimensions = local.load_balancer, label = codes }
      ] },
      { title = "5xx of the service, a minute", lines = ["management-5xx"], stat = "Sum", metrics = [
        { namespace = "AWS/ApplicationELB", metric = "HTTPCode_Target_5XX_Count", dimensions = local.target_groups.management, label = "management" },
        { namespace = "AWS/ApplicationELB", metric = "HTTPCode_Target_5XX_Count", dimensions = local.target_groups.mocks, label = "mocks (may be told to)" },
      ] },
      ], [for arn in compact([var.certificate_arn]) :
      { title = "Days until the certificate expires", lines = ["certificate-expiring"], stat = "Minimum", period = 86400, metrics = [
        { namespace = "AWS/CertificateManager", metric = "DaysToExpiry", dimensions = { CertificateArn = arn }, label = "days" },
      ] }
    ]) },

    # A mock takes milliseconds, and a change by far longer: each has a scale of its own.
    { height = 6, widgets = flatten([for face in ["mocks", "management"] : [
      { title = "${title(face)}: time to answer at the load balancer, s", lines = ["${face}-latency"], metrics = [
        for stat in ["p50", "p99"] : merge(local.latency[face][stat], { label = stat })
      ] },
      { title = "${title(face)}: time to answer in the service, s", queries = {
        for id, quantile in { p50 = 0.5, p99 = 0.99 } : id => "histogram_quantile(${quantile}, sum(rate({${local.requests[face]}}[5m])))"
      } },
    ]]) },

    { height = 6, widgets = [
      { title = "Mocks, a second", queries = {
        served = "sum(rate(${local.own["echo.mocks.served"]}[5m]))"
        missed = "sum(rate(${local.own["echo.mocks.missed"]}[5m]))"
      } },
      { title = "Faults of Echo itself, a second", queries = {
        for face, requests in local.requests : face => "histogram_count(sum by (${local.task}) (rate({${requests}, \"error.type\"!=\"\"}[5m])))"
      } },
      { title = "Requests being answered, and refused with 429 a second", queries = {
        active       = "sum(${local.own["http.server.active_requests"]})"
        rate_limited = "sum(rate(${local.own["echo.rate_limited"]}[5m]))"
      } },
    ] },

    { height = 6, widgets = [
      { title = "Operations of the store, p99 in s", queries = {
        p99 = "histogram_quantile(0.99, sum by (\"echo.store.operation\") (rate(${local.own["echo.store.operation.duration"]}[5m])))"
      } },
      { title = "Mocks held by each replica", queries = {
        endpoints = "sum by (${local.task}) (${local.own["echo.endpoints"]})"
      } },
    ] },

    { height = 6, widgets = [
      { title = "Age of what each replica knows, s (above its lease, 0.15, it asks the table)", queries = {
        age = "max by (${local.task}) (${local.own["echo.replica.age"]})"
      } },
      { title = "Readings of the change log by each replica, a second", queries = {
        readings = "sum by (${local.task}) (rate(${local.own["echo.replica.readings"]}[5m]))"
        reloads  = "sum(rate(${local.own["echo.replica.reloads"]}[5m]))"
      } },
      { title = "Requests that waited, a second", queries = {
        waits = "sum by (\"echo.replica.wait\") (rate(${local.own["echo.replica.waits"]}[5m]))"
      } },
    ] },

    { height = 6, widgets = [
      { title = "Tasks that run, and that should", lines = ["tasks-below-minimum"], metrics = [
        { namespace = "AWS/ECS", metric = "CPUUtilization", dimensions = local.service, stat = "SampleCount", label = "reporting" },
        { namespace = "ECS/ContainerInsights", metric = "RunningTaskCount", dimensions = local.service, stat = "Average", label = "running" },
        { namespace = "ECS/ContainerInsights", metric = "DesiredTaskCount", dimensions = local.service, stat = "Average", label = "desired" },
      ] },
      { title = "Tasks that are healthy, and not", metrics = flatten([
        for face, dimensions in local.target_groups : [
          for label, it in { healthy = ["HealthyHostCount", "Minimum"], unhealthy = ["UnHealthyHostCount", "Maximum"] } :
          { namespace = "AWS/ApplicationELB", metric = it[0], dimensions = dimensions, stat = it[1], label = "${face}: ${label}" }
        ]
      ]) },
      # Two while one takes over from the other; back to the first where it was rolled back.
      { title = "Tasks of each version: deployments", queries = {
        tasks = "count by (\"@resource.service.version\") (${local.own["echo.endpoints"]})"
      } },
    ] },

    { height = 6, widgets = [
      { title = "CPU, %", lines = ["cpu-saturated"], metrics = [
        for stat in ["Average", "Maximum"] : { namespace = "AWS/ECS", metric = "CPUUtilization", dimensions = local.service, stat = stat, label = stat }
      ] },
      { title = "Memory, %", lines = ["memory-saturated"], metrics = [
        for stat in ["Average", "Maximum"] : { namespace = "AWS/ECS", metric = "MemoryUtilization", dimensions = local.service, stat = stat, label = stat }
      ] },
      { title = "Lines of level ERROR, in five minutes", lines = ["error-lines"], stat = "Sum", period = 300, metrics = [merge(local.error_lines, { dimensions = {}, label = "lines" })] },
    ] },

    { height = 6, widgets = [
      { title = "Capacity that the table used, a minute", stat = "Sum", metrics = [
        for metric in ["ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits"] : { namespace = "AWS/DynamoDB", metric = metric, dimensions = local.table, label = metric }
      ] },
      { title = "Table: throttled, in conflict, a minute", stat = "Sum", metrics = [
        for metric in ["ReadThrottleEvents", "WriteThrottleEvents", "TransactionConflict"] : { namespace = "AWS/DynamoDB", metric = metric, dimensions = local.table, label = metric }
      ] },
      { title = "Table: failed to answer, a minute", stat = "Sum", metrics = [
        for operation in ["GetItem", "Query", "TransactGetItems", "TransactWriteItems"] : {
          namespace = "AWS/DynamoDB", metric = "SystemErrors", dimensions = merge(local.table, { Operation = operation }), label = operation
        }
      ] },
      { title = "Table: time to answer, ms", stat = "Average", metrics = [
        for operation in ["GetItem", "Query", "TransactGetItems", "TransactWriteItems"] : {
          namespace = "AWS/DynamoDB", metric = "SuccessfulRequestLatency", dimensions = merge(local.table, { Operation = operation }), label = operation
        }
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

  # Rows share the 24 columns among their widgets, one below the other.
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
          # From where on these alarms ring.
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
