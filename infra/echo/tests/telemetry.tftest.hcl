# The plan for tests/telemetry, printed by `terraform test -json -verbose`: an environment whose collector, dashboard
# and alarms are completely known. Mocks set the values that only AWS knows.

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
  target = module.observability.data.aws_caller_identity.current
  values = { account_id = "111122223333" }
}

override_data {
  target = module.interface_endpoints.data.aws_caller_identity.current
  values = { account_id = "111122223333" }
}

override_data {
  target = module.network[0].data.aws_caller_identity.current
  values = { account_id = "111122223333" }
}

override_module {
  target = module.load_balancer
  outputs = {
    arn_suffix     = "app/echo-test/50dc6c495c0c9188"
    dns_name       = "echo-test-1234567890.eu-central-1.elb.amazonaws.com"
    zone_id        = "Z215JYRZR1TBD5"
    mocks_url      = "http://echo-test-1234567890.eu-central-1.elb.amazonaws.com"
    management_url = "http://echo-test-1234567890.eu-central-1.elb.amazonaws.com:8081"
    target_groups = {
      management = {
        arn        = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/echo-test-management/943f017f100becff"
        arn_suffix = "targetgroup/echo-test-management/943f017f100becff"
      }
      mocks = {
        arn        = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/echo-test-mocks/73e2d6bc24d8a067"
        arn_suffix = "targetgroup/echo-test-mocks/73e2d6bc24d8a067"
      }
    }
  }
}

# The real provider asks AWS about a table even for a plan.
override_module {
  target = module.data_store
  outputs = {
    table_arn  = "arn:aws:dynamodb:eu-central-1:111122223333:table/echo-test"
    table_name = "echo-test"
  }
}

override_module {
  target = module.secrets
  outputs = {
    entries_secret_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:echo-test-keys-a1b2c3"
    entries_value_from = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:echo-test-keys-a1b2c3"
    token_secret_arns  = {}
  }
}

override_resource {
  target          = module.observability.aws_sns_topic.alarms[0]
  override_during = plan
  values          = { arn = "arn:aws:sns:eu-central-1:111122223333:echo-test-alarms" }
}

variables {
  environment         = "test"
  docker_image_url    = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/echo-service@sha256:1111111111111111111111111111111111111111111111111111111111111111"
  collector_image_url = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/ecr-public/aws-observability/aws-otel-collector@sha256:2222222222222222222222222222222222222222222222222222222222222222"
  network             = { cidr = "10.0.0.0/16", zones = ["a", "b"], nat = "none" }
  access              = { management_cidrs = ["203.0.113.0/24"] }
  capacity            = { min = 2, max = 4, requests_per_target = 100000 }
  alarms              = { runbook_url = "https://example.com/runbook.md" }
  domain              = { name = "echo.example.com", certificate_arn = "arn:aws:acm:eu-central-1:111122223333:certificate/1" }
  protect             = false
}

run "telemetry" {
  command = plan

  assert {
    condition     = output.dashboard_name == "echo-test"
    error_message = "The dashboard must have the name of the environment."
  }
}
