# An environment that fits into an existing company: its VPC, zone, boundary, keys and topic.

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

override_data {
  target = module.load_balancer.data.aws_caller_identity.current
  values = { account_id = "111122223333" }
}

override_data {
  target = module.observability.data.aws_caller_identity.current
  values = { account_id = "111122223333" }
}

override_data {
  target = module.network[0].data.aws_caller_identity.current
  values = { account_id = "111122223333" }
}

override_data {
  target = module.existing_network[0].data.aws_vpc.main
  values = { enable_dns_support = true, enable_dns_hostnames = true, cidr_block = "10.0.0.0/16" }
}

override_data {
  target = module.existing_network[0].data.aws_ec2_managed_prefix_list.main
  values = { id = "pl-12345678" }
}

override_data {
  target = module.existing_network[0].data.aws_subnet.main["subnet-00000001"]
  values = { vpc_id = "vpc-00000001", availability_zone = "eu-central-1a", available_ip_address_count = 14, cidr_block = "10.0.1.0/28" }
}

override_data {
  target = module.existing_network[0].data.aws_subnet.main["subnet-00000002"]
  values = { vpc_id = "vpc-00000001", availability_zone = "eu-central-1b", available_ip_address_count = 14, cidr_block = "10.0.2.0/28" }
}

override_data {
  target = module.domain[0].data.aws_route53_zone.main
  values = { name = "example.com", zone_id = "Z0123456789ABCDEFGHIJ", name_servers = ["ns-1.example.net"] }
}

override_resource {
  target          = module.domain[0].aws_acm_certificate.main
  override_during = plan
  values = {
    arn = "arn:aws:acm:eu-central-1:111122223333:certificate/1"
    domain_validation_options = [{
      domain_name           = "echo.example.com"
      resource_record_name  = "_1.echo.example.com."
      resource_record_type  = "CNAME"
      resource_record_value = "_2.acm-validations.aws."
    }]
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

variables {
  environment         = "test"
  docker_image_url    = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/echo-service@sha256:1111111111111111111111111111111111111111111111111111111111111111"
  collector_image_url = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/ecr-public/aws-observability/aws-otel-collector@sha256:2222222222222222222222222222222222222222222222222222222222222222"
  existing_network = {
    vpc_id                   = "vpc-00000001"
    task_subnet_ids          = ["subnet-00000001", "subnet-00000002"]
    load_balancer_subnet_ids = ["subnet-00000001", "subnet-00000002"]
    interface_endpoints      = true
  }
  access   = { management_cidrs = ["10.0.0.0/8"], mocks_cidrs = ["10.0.0.0/8"], internal = true }
  capacity = { min = 2, max = 4 }
  alarms   = { topic_arn = "arn:aws:sns:eu-central-1:111122223333:operations", runbook_url = "https://example.com/runbook.md" }
  domain   = { name = "echo.example.com", zone_id = "Z0123456789ABCDEFGHIJ" }
  iam      = { permissions_boundary_arn = "arn:aws:iam::111122223333:policy/company", role_path = "/teams/echo/" }

  kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/1"
  protect     = true
}

run "everything_given" {
  command = plan

  assert {
    condition     = length(module.network) == 0 && local.task_subnet_ids == { a = "subnet-00000001", b = "subnet-00000002" } && local.load_balancer_subnet_ids == local.task_subnet_ids
    error_message = "The environment must be in the given subnets, and must create no network."
  }
  assert {
    condition     = local.service_environment.ECHO_TRUSTED_PROXIES == "10.0.1.0/28,10.0.2.0/28"
    error_message = "In a VPC with clients, the service must trust the load balancer's subnets only."
  }
  # All tasks of a rollout at the maximum, and the endpoints.
  assert {
    condition     = local.addresses == 2 * 4 + 6
    error_message = "Each subnet must have room for a rollout."
  }
  assert {
    condition     = length(module.interface_endpoints.endpoint_ids) == 6
    error_message = "The environment must create the endpoints that the VPC lacks."
  }
  assert {
    condition     = output.mocks_url == "https://echo.example.com" && contains(module.observability.alarm_names, "echo-test-certificate-expiring")
    error_message = "The plan must know listeners and alarms before the certificate exists."
  }
  assert {
    condition     = output.alarms_topic_arn == "arn:aws:sns:eu-central-1:111122223333:operations"
    error_message = "The alarms must reach the given topic."
  }
  assert {
    condition     = local.permissions_boundary_arn == "arn:aws:iam::111122223333:policy/company"
    error_message = "The roles must have the given boundary."
  }
}

run "other_ways_to_aws" {
  command = plan
  variables {
    existing_network = {
      vpc_id                   = "vpc-00000001"
      task_subnet_ids          = ["subnet-00000001", "subnet-00000002"]
      load_balancer_subnet_ids = ["subnet-00000001", "subnet-00000002"]
      interface_endpoints      = false
    }
  }

  assert {
    condition     = length(module.interface_endpoints.endpoint_ids) == 0 && !local.makes_endpoints
    error_message = "A VPC with its own ways must get no endpoint."
  }
}

run "an_internal_load_balancer_in_a_new_vpc" {
  command = plan
  variables {
    existing_network = null
    network          = { cidr = "10.0.0.0/16", zones = ["a", "b"], nat = "none" }
  }

  assert {
    condition     = length(module.network) == 1 && length(module.existing_network) == 0
    error_message = "The environment must create its network."
  }
}

run "ipv6" {
  command = plan
  variables {
    existing_network = null
    network          = { cidr = "10.0.0.0/16", zones = ["a", "b"], nat = "none" }
    access           = { management_cidrs = ["203.0.113.0/24", "2001:db8::/32"], mocks_cidrs = ["0.0.0.0/0", "::/0"], ipv6 = true }
  }

  override_resource {
    target          = module.network[0].aws_vpc.main
    override_during = plan
    values          = { ipv6_cidr_block = "2001:db8:1234:1a00::/56" }
  }

  assert {
    condition     = output.mocks_url == "https://echo.example.com"
    error_message = "An environment with IPv6 must have a plan."
  }
}

run "refuses_ipv6_in_private_subnets" {
  command = plan
  variables {
    existing_network = null
    network          = { cidr = "10.0.0.0/16", zones = ["a", "b"], nat = "none" }
    access           = { management_cidrs = ["10.0.0.0/8"], internal = true, ipv6 = true }
  }
  expect_failures = [var.existing_network]
}

run "refuses_two_networks" {
  command = plan
  variables {
    network = { cidr = "10.0.0.0/16", zones = ["a", "b"], nat = "none" }
  }
  expect_failures = [var.existing_network]
}

run "refuses_two_certificates_and_wrong_ids" {
  command = plan
  variables {
    domain = { name = "echo.example.com", zone_id = "Z0123456789ABCDEFGHIJ", certificate_arn = "arn:aws:acm:eu-central-1:111122223333:certificate/1" }
    existing_network = {
      vpc_id                   = "my-vpc"
      task_subnet_ids          = ["subnet-00000001", "subnet-00000002"]
      load_balancer_subnet_ids = ["subnet-00000001", "subnet-00000002"]
      interface_endpoints      = false
    }
    iam         = { role_path = "teams" }
    kms_key_arn = "alias/echo"
    alarms      = { topic_arn = "arn:aws:sns:eu-central-1:111122223333:operations", runbook_url = "https://example.com/runbook.md" }
  }
  expect_failures = [var.domain, var.existing_network, var.iam, var.kms_key_arn]
}
