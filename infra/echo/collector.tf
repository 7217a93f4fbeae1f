# What the collector beside each task does. It is the configuration itself and not a template of it, so that a change is a
# new revision of the task definition, and tests/telemetry can run a real collector with it.
#
# Limits are those of CloudWatch's OTLP endpoints (AWS: "OTLP Endpoints"): 1,000 data points and 1 MB for each request with
# metrics. Order of the processors: the one that refuses before memory runs out has to be first.

locals {
  # Which of AWS's services takes what the collector sends, as it is called in names and signatures.
  telemetry_services = { metrics = "monitoring", traces = "xray" }

  collector_config = yamlencode({
    extensions = {
      health_check = { endpoint = "127.0.0.1:13133" }
      # Services are named, because the guess from the endpoint was wrong for `monitoring`.
      "sigv4auth/metrics" = { region = local.region, service = local.telemetry_services.metrics }
      "sigv4auth/traces"  = { region = local.region, service = local.telemetry_services.traces }
    }
    receivers = {
      otlp = { protocols = { http = { endpoint = local.collector_endpoint } } }
    }
    processors = {
      memory_limiter = { check_interval = "1s", limit_percentage = 80, spike_limit_percentage = 20 }
      # The task's own attributes keep the cumulative series of two tasks apart.
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
