# A whole environment, planned by the real provider without AWS.

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

override_data {
  target = module.iam.data.aws_caller_identity.current
  values = { account_id = "111122223333" }
}

override_data {
  target = module.interface_endpoints.data.aws_caller_identity.current
  values = { account_id = "111122223333" }
}

# The real provider asks AWS about a table even for a plan.
override_module {
  target = module.data_store
  outputs = {
    table_arn  = "arn:aws:dynamodb:eu-central-1:111122223333:table/echo-test"
    table_name = "echo-test"
  }
}

override_data {
  target = module.load_balancer.data.aws_caller_identity.current
  values = { account_id = "111122223333" }
}

override_data {
  target = module.network[0].data.aws_caller_identity.current
  values = { account_id = "111122223333" }
}

override_data {
  target = module.observability.data.aws_caller_identity.current
  values = { account_id = "111122223333" }
}

variables {
  environment         = "test"
  docker_image_url    = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/echo-service@sha256:1111111111111111111111111111111111111111111111111111111111111111"
  collector_image_url = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/ecr-public/aws-observability/aws-otel-collector@sha256:2222222222222222222222222222222222222222222222222222222222222222"
  network             = { cidr = "10.0.0.0/16", zones = ["a", "b"], nat = "none" }
  access              = { management_cidrs = ["203.0.113.0/24"] }
  capacity            = { min = 2, max = 4 }
  alarms              = { runbook_url = "https://example.com/runbook.md" }
  protect             = false
}

run "without_nat_and_domain" {
  command = plan

  assert {
    condition = toset(keys(module.interface_endpoints.endpoint_ids)) == toset([
      "ecr.api", "ecr.dkr", "logs", "monitoring", "secretsmanager", "xray",
    ])
    error_message = "Without NAT each service that tasks call needs an endpoint."
  }

  assert {
    condition     = !module.protection.protected && local.permissions_boundary_arn == "arn:aws:iam::111122223333:policy/github/echo-boundary-test"
    error_message = "Without protection a destroy must be possible, and roles must have the boundary of modules/permissions-boundary."
  }

  assert {
    condition     = local.makes_endpoints && local.task_count_min == 2
    error_message = "Without NAT the way to the internet must be closed, and without schedules the minimum must be the capacity's."
  }

  assert {
    condition     = jsonencode(local.listener_ports) == jsonencode({ mocks = 80, management = 8081, redirect = null })
    error_message = "Without a certificate the load balancer must serve HTTP only, without a redirect."
  }

  # AWS keeps connections to a removed target for deregistration_delay; the task's stop time limit must come last.
  assert {
    condition = (
      local.times.deregistration_seconds >= local.times.load_balancer_idle_seconds &&
      local.times.deregistration_seconds >= local.times.shutdown_delay_seconds + local.times.shutdown_deadline_seconds &&
      local.times.stop_timeout_seconds > local.times.shutdown_delay_seconds + local.times.shutdown_deadline_seconds &&
      local.times.service_idle_seconds > local.times.load_balancer_idle_seconds
    )
    error_message = "The times of a task's end contradict each other."
  }

  # A call can wait for the table before its delay begins. docs/settings.md has the binary's default.
  assert {
    condition = (
      !can(local.service_environment.ECHO_MAX_DELAY) &&
      local.times.load_balancer_idle_seconds >= 10 + tonumber(regex("`ECHO_MAX_DELAY` \\| `([0-9]+)s`", file("${path.module}/../../docs/settings.md"))[0])
    )
    error_message = "The load balancer must wait 10 s longer for an answer than a mock may delay the answer: otherwise clients get 504."
  }

  # CloudWatch accepts 1,000 data points a request, and a limiter behind another processor has no effect.
  assert {
    condition = alltrue([for pipeline in values(yamldecode(local.collector_config).service.pipelines) :
      pipeline.processors[0] == "memory_limiter"
    ]) && yamldecode(local.collector_config).processors.batch.send_batch_max_size <= 1000
    error_message = "The collector must limit memory first, and send at most 1,000 data points at once."
  }

  assert {
    condition = {
      for name, exporter in yamldecode(local.collector_config).exporters : name =>
      [yamldecode(local.collector_config).extensions[exporter.auth.authenticator].service, values({ for key, value in exporter : key => value if endswith(key, "_endpoint") })[0]]
      } == {
      "otlp_http/metrics" = ["monitoring", "https://monitoring.eu-central-1.amazonaws.com/v1/metrics"]
      "otlp_http/traces"  = ["xray", "https://xray.eu-central-1.amazonaws.com/v1/traces"]
    }
    error_message = "The collector must sign for the service whose endpoint it sends to."
  }

  assert {
    condition     = local.service_environment.OTEL_RESOURCE_ATTRIBUTES == "deployment.environment.name=test,service.version=111111111111"
    error_message = "Telemetry must name its environment and image."
  }

  # The network's endpoint covers one of DynamoDB's host names, and the SDK prefers another one.
  assert {
    condition     = local.service_environment.AWS_ACCOUNT_ID_ENDPOINT_MODE == "disabled"
    error_message = "The service must use the host name of DynamoDB that is tested."
  }

  assert {
    condition     = local.requests_per_5_minutes == null && !contains([for name in module.observability.alarm_names : trimprefix(name, "echo-test-")], "certificate-expiring")
    error_message = "Without a target of requests the firewall must have the module's limit, and without a certificate the alarm on its expiry must not exist."
  }

  assert {
    condition = local.repository_arns == {
      service   = "arn:aws:ecr:eu-central-1:111122223333:repository/echo-service"
      collector = "arn:aws:ecr:eu-central-1:111122223333:repository/ecr-public/aws-observability/aws-otel-collector"
    }
    error_message = "Images may be pulled from their own repositories only."
  }
}

run "with_nat_domain_and_protection" {
  command = plan

  variables {
    network = { cidr = "10.0.0.0/16", zones = ["a", "b", "c"], nat = "per_az" }
    domain  = { name = "echo.example.com", certificate_arn = "arn:aws:acm:eu-central-1:111122223333:certificate/0a1b" }
    protect = true
    traces  = { mock_ratio = 0.05 }
    waf     = { enabled = true }
    alarms  = { emails = ["operators@example.com"], runbook_url = "https://example.com/runbook.md", thresholds = { mocks_p99_seconds = 1 } }
    capacity = {
      min       = 3, max = 12, requests_per_target = 100000
      schedules = { night = { cron = "0 22 * * ? *", min = 1, max = 2 }, load = { cron = "0 8 * * ? *", min = 3, max = 20 } }
    }
  }

  assert {
    condition     = module.observability.thresholds.mocks_p99_seconds == 1 && module.observability.thresholds.management_p99_seconds == 2
    error_message = "The environment's thresholds must reach the alarms, and the other thresholds must have their defaults."
  }

  assert {
    condition     = local.service_environment.ECHO_MOCK_TRACE_RATIO == "0.05"
    error_message = "The service must trace the environment's share of the calls of mocks."
  }

  # 20 tasks, each with 100,000 requests a minute, for five minutes.
  assert {
    condition     = local.requests_per_5_minutes == 10000000
    error_message = "The firewall must allow a load test from one address up to the maximum of tasks."
  }

  assert {
    condition     = contains(module.observability.alarm_names, "echo-test-certificate-expiring") && contains(module.observability.alarm_names, "echo-test-mocks-faults")
    error_message = "The alarms on the certificate's expiry and on faults of mocks must exist."
  }

  assert {
    condition     = length(module.interface_endpoints.endpoint_ids) == 0 && !local.makes_endpoints
    error_message = "With NAT no interface endpoint may cost money, and the way to the internet must be open."
  }

  assert {
    condition     = module.protection.protected
    error_message = "Protected resources must refuse their destroy."
  }

  assert {
    condition     = local.task_count_min == 1
    error_message = "The minimum of a schedule must not ring the alarm on missing tasks."
  }

  assert {
    condition = (
      output.mocks_url == "https://echo.example.com" &&
      output.management_url == "https://echo.example.com:8443" &&
      output.docs_url == "https://echo.example.com:8443/-/docs" &&
      local.service_environment.ECHO_PUBLIC_URL == "https://echo.example.com"
    )
    error_message = "With a domain every URL must contain its name."
  }
}

run "a_region_without_promql" {
  command = plan
  variables {
    alarms = { runbook_url = "https://example.com/runbook.md", promql = false }
  }

  assert {
    condition     = !contains(module.observability.alarm_names, "echo-test-mocks-faults")
    error_message = "A region without PromQL must get no alarm and no widget with PromQL."
  }
}

run "refuses_images_in_china" {
  command = plan
  variables {
    docker_image_url = "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn/echo-service@sha256:1111111111111111111111111111111111111111111111111111111111111111"
  }
  expect_failures = [var.docker_image_url]
}

run "refuses_an_image_without_digest" {
  command = plan
  variables {
    docker_image_url = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/echo-service:latest"
  }
  expect_failures = [var.docker_image_url]
}

run "refuses_a_collector_outside_the_registry" {
  command = plan
  variables {
    collector_image_url = "public.ecr.aws/aws-observability/aws-otel-collector@sha256:2222222222222222222222222222222222222222222222222222222222222222"
  }
  expect_failures = [var.collector_image_url]
}

run "refuses_resources_in_another_region" {
  command = plan
  variables {
    docker_image_url    = "111122223333.dkr.ecr.us-east-1.amazonaws.com/echo-service@sha256:1111111111111111111111111111111111111111111111111111111111111111"
    collector_image_url = "111122223333.dkr.ecr.us-east-1.amazonaws.com/ecr-public/aws-observability/aws-otel-collector@sha256:2222222222222222222222222222222222222222222222222222222222222222"
    domain              = { name = "echo.example.com", certificate_arn = "arn:aws:acm:us-east-1:111122223333:certificate/0a1b" }
  }
  expect_failures = [var.docker_image_url, var.collector_image_url, var.domain]
}

run "refuses_resources_in_another_account" {
  command = plan
  variables {
    docker_image_url    = "222222222222.dkr.ecr.eu-central-1.amazonaws.com/echo-service@sha256:1111111111111111111111111111111111111111111111111111111111111111"
    collector_image_url = "222222222222.dkr.ecr.eu-central-1.amazonaws.com/ecr-public/aws-observability/aws-otel-collector@sha256:2222222222222222222222222222222222222222222222222222222222222222"
  }
  expect_failures = [var.docker_image_url, var.collector_image_url]
}

run "refuses_contradicting_values" {
  command = plan
  variables {
    environment      = "Dev"
    access           = { management_cidrs = ["everywhere"] }
    capacity         = { min = 3, max = 2 }
    cpu_architecture = "arm"
    protect          = true
    retention        = { recovery_days = 0 }
  }
  expect_failures = [var.environment, var.access, var.alarms, var.capacity, var.cpu_architecture, var.domain, var.retention]
}

run "refuses_half_a_task" {
  command = plan
  variables {
    capacity = { min = 1.5, max = 3 }
  }
  expect_failures = [var.capacity]
}

run "refuses_more_than_100_percent_on_spot" {
  command = plan
  variables {
    capacity = { min = 1, max = 3, spot_percent = 101 }
  }
  expect_failures = [var.capacity]
}

run "refuses_a_fraction_of_a_percent_on_spot" {
  command = plan
  variables {
    capacity = { min = 1, max = 3, spot_percent = 33.3 }
  }
  expect_failures = [var.capacity]
}

run "refuses_a_domain_without_certificate" {
  command = plan
  variables {
    domain = { name = "echo.example.com", certificate_arn = null }
  }
  expect_failures = [var.domain]
}

# Each of the following runs breaks one rule of several variables.
run "refuses_typing_errors" {
  command = plan
  variables {
    access    = { management_cidrs = ["203.0.113.7/24"] }
    alarms    = { runbook_url = "https://example.com/runbook.md#top" }
    capacity  = { min = 2, max = 4, cpu = 300 }
    domain    = { name = "https://echo.example.com", certificate_arn = "arn:aws:acm:eu-central-1:111122223333:certificate/0a1b" }
    keys      = { scopes = {} }
    network   = { cidr = "10.20.0.1/16", zones = ["a", "b"], nat = "none" }
    retention = { recovery_days = 36 }
    traces    = { mock_ratio = 1.5 }
  }
  expect_failures = [var.access, var.alarms, var.capacity, var.domain, var.keys, var.network, var.retention, var.traces]
}

run "refuses_what_aws_lacks" {
  command = plan
  variables {
    access    = { management_cidrs = [] }
    alarms    = { emails = ["operators"], runbook_url = "https://example.com/runbook.md" }
    capacity  = { min = 2, max = 4, cpu = 512, memory = 512 }
    domain    = { name = "echo.example.com", certificate_arn = "arn:aws:iam::111122223333:server-certificate/echo" }
    keys      = { scopes = { ci = "admin" } }
    network   = { cidr = "10.20.0.0/23", zones = ["a", "b"], nat = "none" }
    retention = { log_days = 31 }
  }
  expect_failures = [var.access, var.alarms, var.capacity, var.domain, var.keys, var.network, var.retention]
}

run "refuses_management_for_the_internet" {
  command = plan
  variables {
    access    = { management_cidrs = ["0.0.0.0/0"] }
    alarms    = { runbook_url = "http://example.com/runbook.md" }
    capacity  = { min = 0, max = 4 }
    keys      = { scopes = { "CI key" = "read" } }
    network   = { cidr = "10.20.0.0/16", zones = ["a"], nat = "none" }
    retention = { flow_log_days = 8 }
  }
  expect_failures = [var.access, var.alarms, var.capacity, var.keys, var.network, var.retention]
}

run "refuses_fractions_and_full_zone_names" {
  command = plan
  variables {
    access    = { mocks_cidrs = ["2001:db8::/32"], management_cidrs = ["203.0.113.0/24"] }
    capacity  = { min = 2, max = 4, requests_per_target = 0 }
    keys      = { scopes = { ci = "read" }, rotation = 1.5 }
    network   = { cidr = "10.20.0.0/16", zones = ["eu-central-1a", "eu-central-1b"], nat = "none" }
    retention = { access_log_days = 0 }
  }
  expect_failures = [var.access, var.capacity, var.keys, var.network, var.retention]
}

run "refuses_a_schedule_without_its_sixth_field" {
  command = plan
  variables {
    capacity = { min = 2, max = 4, schedules = { evening = { cron = "0 20 * * MON-FRI", min = 1, max = 2 } } }
    network  = { cidr = "10.20.0.0/16", zones = ["a", "b"], nat = "multi" }
  }
  expect_failures = [var.capacity, var.network]
}

run "refuses_a_schedule_by_offset" {
  command = plan
  variables {
    capacity = { min = 2, max = 4, schedules = { evening = { cron = "0 20 ? * MON-FRI *", timezone = "CET+1", min = 1, max = 2 } } }
  }
  expect_failures = [var.capacity]
}

run "refuses_a_schedule_with_contradicting_limits" {
  command = plan
  variables {
    capacity = { min = 2, max = 4, schedules = { evening = { cron = "0 20 ? * MON-FRI *", min = 3, max = 2 } } }
  }
  expect_failures = [var.capacity]
}

run "refuses_a_name_of_a_schedule" {
  command = plan
  variables {
    capacity = { min = 2, max = 4, schedules = { "Every evening" = { cron = "0 20 ? * MON-FRI *", min = 1, max = 2 } } }
  }
  expect_failures = [var.capacity]
}

# Separate runs, because Terraform skips the validation of waf if capacity, on which it depends, is refused.
run "refuses_a_limit_of_waf_below_10" {
  command = plan
  variables {
    waf = { enabled = true, requests_per_5_minutes = 9 }
  }
  expect_failures = [var.waf]
}

run "refuses_a_target_of_requests_beyond_the_limit_of_waf" {
  command = plan
  variables {
    capacity = { min = 2, max = 4, requests_per_target = 200000000 }
  }
  expect_failures = [var.waf]
}
