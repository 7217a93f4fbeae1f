# Planned by the real provider, without AWS.

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
  values = { account_id = "123456789012" }
}

variables {
  name              = "echo-test"
  vpc_id            = "vpc-1"
  subnet_ids        = { a = "subnet-a", b = "subnet-b" }
  security_group_id = "sg-endpoints"
  services          = ["ecr.api", "logs"]
}

run "two_services" {
  command = plan

  assert {
    condition     = { for service, endpoint in aws_vpc_endpoint.main : service => "${endpoint.vpc_endpoint_type} ${endpoint.service_name}" } == { "ecr.api" = "Interface com.amazonaws.eu-central-1.ecr.api", logs = "Interface com.amazonaws.eu-central-1.logs" }
    error_message = "Each service must have an interface endpoint of its name in the provider's region."
  }
  assert {
    condition     = alltrue([for endpoint in aws_vpc_endpoint.main : endpoint.private_dns_enabled])
    error_message = "Private DNS must be on: otherwise the service's usual name resolves to addresses outside the VPC, without a route."
  }
  assert {
    condition     = alltrue([for endpoint in aws_vpc_endpoint.main : endpoint.subnet_ids == toset(["subnet-a", "subnet-b"]) && endpoint.security_group_ids == toset(["sg-endpoints"]) && endpoint.vpc_id == "vpc-1"])
    error_message = "Each endpoint must be in each zone, behind the given security group."
  }
  assert {
    condition     = alltrue([for endpoint in aws_vpc_endpoint.main : [for statement in jsondecode(endpoint.policy).Statement : [statement.Effect, statement.Condition]] == [["Allow", { StringEquals = { "aws:PrincipalAccount" = "123456789012" } }]]])
    error_message = "Only principals of this account may use an endpoint."
  }
}

run "example_no_nat" {
  command = plan

  override_data {
    target = module.network.data.aws_caller_identity.current
    values = { account_id = "123456789012" }
  }
  override_data {
    target = module.interface_endpoints.data.aws_caller_identity.current
    values = { account_id = "123456789012" }
  }

  module {
    source = "./examples/no-nat"
  }

  assert {
    condition     = toset(keys(output.endpoints)) == toset(["ecr.api", "ecr.dkr", "logs", "secretsmanager", "monitoring", "xray"])
    error_message = "A network without NAT needs an endpoint for each service that a task calls."
  }
}
