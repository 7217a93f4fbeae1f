# Environment variables of the service, from docs/settings.md or OpenTelemetry. A test compares this list with the
# binary, which refuses unknown settings.

locals {
  service_environment = merge(
    {
      ECHO_LISTEN            = "0.0.0.0:${local.service_ports.mocks}"
      ECHO_MANAGEMENT_LISTEN = "0.0.0.0:${local.service_ports.management}"
      ECHO_STORE             = "dynamodb:${module.data_store.table_name}"
      ECHO_PUBLIC_URL        = module.load_balancer.mocks_url
      ECHO_TRUSTED_PROXIES   = join(",", local.proxy_cidrs)
      ECHO_IDLE_TIMEOUT      = "${local.times.service_idle_seconds}s"
      ECHO_SHUTDOWN_DELAY    = "${local.times.shutdown_delay_seconds}s"
      ECHO_SHUTDOWN_DEADLINE = "${local.times.shutdown_deadline_seconds}s"
      ECHO_LOG_FORMAT        = "json"

      AWS_REGION = local.region
      # Use DynamoDB's regional host name with any credentials, because it resolves to the gateway endpoint.
      AWS_ACCOUNT_ID_ENDPOINT_MODE = "disabled"

      OTEL_EXPORTER_OTLP_ENDPOINT = "http://${local.collector_endpoint}"
      OTEL_METRIC_EXPORT_INTERVAL = "60000"
      OTEL_SERVICE_NAME           = "echo"
      # The digest identifies the image; twelve digits are enough to distinguish two images.
      OTEL_RESOURCE_ATTRIBUTES = "deployment.environment.name=${var.environment},service.version=${substr(local.images.service.digest, 0, 12)}"
    },
    # Without this variable the ratio is 1. Earlier images refuse the variable, so that a rollback could not start.
    # ECHO_MAX_DELAY is absent for the same reason, and its default fits into the load balancer's time-out.
    var.traces.mock_ratio == 1 ? {} : { ECHO_MOCK_TRACE_RATIO = tostring(var.traces.mock_ratio) },
  )
}
