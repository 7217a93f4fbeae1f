# Configuration of the collector beside each task. The document itself, not a template: a change then creates a new
# revision of the task definition, and tests/telemetry can run a real collector with it.
#
# Limits of CloudWatch's OTLP endpoints (AWS: "OTLP Endpoints"): 1,000 data points and 1 MB for each request with
# metrics. Order of the processors: memory_limiter must be first, because it refuses data before memory runs out.

locals {
  # AWS's services for the collector's metrics and traces, by their names in hosts and signatures.
  telemetry_services = { metrics = "monitoring", traces = "xray" }

  collector_config = yamlencode({
    extensions = {
      health_check = { endpoint = "127.0.0.1:13133" }
      # Names each service, because the collector guesses `monitoring` wrongly from the endpoint.
      "sigv4auth/metrics" = { region = local.region, service = local.telemetry_services.metrics }
      "sigv4auth/traces"  = { region = local.region, service = local.telemetry_services.traces }
    }
    receivers = {
      otlp = { protocols = { http = { endpoint = local.collector_endpoint } } }
    }
    processors = {
      memory_limiter = { check_interval = "1s", limit_percentage = 80, spike_limit_percentage = 20 }
      # The task's own attributes separate the cumulative series of two tasks.
      resource_detection = { detectors = ["env", "ecs"], timeout = "5s", override = false }
      batch              = { send_batch_size = 200, send_batch_max_size = 1000, timeout = "10s" }
    }
    exporters = {
      "otlp_http/metrics" = {
        metrics_endpoint = "https://${local.telemetry_services.metrics}.${local.region}.${local.dns_suffix}/v1/metrics"
        compression      = "gzip"
        auth             = { authenticator = "sigv4auth/metrics" }
      }
      "otlp_http/traces" = {
        traces_endpoint = "https://${local.telemetry_services.traces}.${local.region}.${local.dns_suffix}/v1/traces"
        compression     = "gzip"
        auth            = { authenticator = "sigv4auth/traces" }
      }
    }
    service = {
      extensions = ["health_check", "sigv4auth/metrics", "sigv4auth/traces"]
      pipelines = {
        metrics = {
          receivers  = ["otlp"]
          processors = ["memory_limiter", "resource_detection", "batch"]
          exporters  = ["otlp_http/metrics"]
        }
        traces = {
          receivers  = ["otlp"]
          processors = ["memory_limiter", "resource_detection", "batch"]
          exporters  = ["otlp_http/traces"]
        }
      }
      telemetry = { logs = { level = "warn", encoding = "json" } }
    }
  })
}
