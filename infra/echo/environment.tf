# What the service is told. Each is a setting of docs/settings.md or a variable of OpenTelemetry; a test holds this list
# against the binary, which refuses a setting that it does not know.

locals {
  service_environment = {
    ECHO_LISTEN            = "0.0.0.0:${local.service_ports.mocks}"
    ECHO_MANAGEMENT_LISTEN = "0.0.0.0:${local.service_ports.management}"
    ECHO_STORE             = "dynamodb:${module.data_store.table_name}"
    ECHO_PUBLIC_URL        = module.load_balancer.mocks_url
    # The load balancer's addresses, which are in this network and no client's.
    ECHO_TRUSTED_PROXIES   = var.network.cidr
    ECHO_IDLE_TIMEOUT      = "${local.times.service_idle_seconds}s"
    ECHO_SHUTDOWN_DELAY    = "${local.times.shutdown_delay_seconds}s"
    ECHO_SHUTDOWN_DEADLINE = "${local.times.shutdown_deadline_seconds}s"
    ECHO_LOG_FORMAT        = "json"

    AWS_REGION = local.region
    # One host name of DynamoDB's, whatever credentials say: the one that the gateway endpoint is known to lead to.
    AWS_ACCOUNT_ID_ENDPOINT_MODE = "disabled"

    OTEL_EXPORTER_OTLP_ENDPOINT = "http://${local.collector_endpoint}"
    OTEL_METRIC_EXPORT_INTERVAL = "60000"
    OTEL_SERVICE_NAME           = "echo"
    # The digest says exactly what runs; its first twelve digits tell two of them apart.
    OTEL_RESOURCE_ATTRIBUTES = "deployment.environment.name=${var.environment},service.version=${substr(local.images.service.digest, 0, 12)}"
  }
}
