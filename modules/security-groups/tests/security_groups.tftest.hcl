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

override_resource {
  target          = aws_security_group.endpoints
  override_during = plan
  values          = { id = "sg-endpoints" }
}
override_resource {
  target          = aws_security_group.load_balancer
  override_during = plan
  values          = { id = "sg-load-balancer" }
}
override_resource {
  target          = aws_security_group.service
  override_during = plan
  values          = { id = "sg-service" }
}

variables {
  name                    = "echo-test"
  vpc_id                  = "vpc-1"
  mocks                   = { port = 80, cidrs = ["0.0.0.0/0"] }
  management              = { port = 8081, cidrs = ["198.51.100.0/24", "203.0.113.7/32"] }
  gateway_prefix_list_ids = { dynamodb = "pl-dynamodb", s3 = "pl-s3" }
  internet_egress         = false
}

run "closed" {
  command = plan

  assert {
    condition     = { for rule in aws_vpc_security_group_ingress_rule.load_balancer : "${rule.ip_protocol} ${rule.from_port}-${rule.to_port} ${rule.cidr_ipv4}" => rule.security_group_id } == { "tcp 80-80 0.0.0.0/0" = "sg-load-balancer", "tcp 8081-8081 198.51.100.0/24" = "sg-load-balancer", "tcp 8081-8081 203.0.113.7/32" = "sg-load-balancer" }
    error_message = "The load balancer must be open only to the networks of mocks and of management, each on its port."
  }
  assert {
    condition     = { for rule in aws_vpc_security_group_egress_rule.load_balancer : "${rule.ip_protocol} ${rule.from_port}-${rule.to_port} ${rule.referenced_security_group_id}" => rule.security_group_id } == { "tcp 8080-8080 sg-service" = "sg-load-balancer", "tcp 8081-8081 sg-service" = "sg-load-balancer" }
    error_message = "The load balancer may connect only to the service's two ports."
  }
  assert {
    condition     = { for rule in aws_vpc_security_group_ingress_rule.service : "${rule.ip_protocol} ${rule.from_port}-${rule.to_port} ${rule.referenced_security_group_id}" => rule.security_group_id } == { "tcp 8080-8080 sg-load-balancer" = "sg-service", "tcp 8081-8081 sg-load-balancer" = "sg-service" }
    error_message = "Only the load balancer may reach the service, on its two ports."
  }
  assert {
    # A rule with an address beside the group would be a second source.
    condition = alltrue([
      for rule in concat(values(aws_vpc_security_group_ingress_rule.service), [aws_vpc_security_group_ingress_rule.endpoints]) :
      rule.cidr_ipv4 == null && rule.cidr_ipv6 == null && rule.prefix_list_id == null
    ])
    error_message = "Service and endpoints must be reachable from groups only, never from addresses."
  }
  assert {
    condition     = "${aws_vpc_security_group_ingress_rule.endpoints.security_group_id} ${aws_vpc_security_group_ingress_rule.endpoints.from_port}-${aws_vpc_security_group_ingress_rule.endpoints.to_port} ${aws_vpc_security_group_ingress_rule.endpoints.referenced_security_group_id}" == "sg-endpoints 443-443 sg-service"
    error_message = "Only the service may reach the interface endpoints, by HTTPS."
  }
  assert {
    condition = concat(
      [for rule in [aws_vpc_security_group_egress_rule.service_endpoints] : "${rule.security_group_id} ${rule.from_port}-${rule.to_port} ${rule.referenced_security_group_id}"],
      [for rule in values(aws_vpc_security_group_egress_rule.service_gateway_endpoints) : "${rule.security_group_id} ${rule.from_port}-${rule.to_port} ${rule.prefix_list_id}"]
    ) == ["sg-service 443-443 sg-endpoints", "sg-service 443-443 pl-dynamodb", "sg-service 443-443 pl-s3"]
    error_message = "The service must reach interface endpoints, DynamoDB and S3 by HTTPS."
  }
  assert {
    condition     = length(aws_vpc_security_group_egress_rule.service_internet) == 0
    error_message = "Without internet_egress the service must not reach other addresses."
  }
  assert {
    condition     = [aws_security_group.load_balancer.name_prefix, aws_security_group.service.name_prefix, aws_security_group.endpoints.name_prefix] == ["echo-test-load-balancer-", "echo-test-service-", "echo-test-endpoints-"]
    error_message = "Groups must have prefixed names, so that a group can be replaced while in use."
  }
  assert {
    condition     = alltrue([for group in [aws_security_group.load_balancer, aws_security_group.service, aws_security_group.endpoints] : length(group.ingress) == 0 && length(group.egress) == 0])
    error_message = "Groups must have no inline rules, which conflict with separate rules."
  }
  assert {
    condition     = [output.load_balancer_id, output.service_id, output.endpoints_id] == ["sg-load-balancer", "sg-service", "sg-endpoints"]
    error_message = "The outputs name the wrong groups."
  }
}

run "redirect_and_internet" {
  command = plan

  variables {
    mocks           = { port = 443, cidrs = ["198.51.100.0/24", "192.0.2.0/24"] }
    management      = { port = 8443, cidrs = ["203.0.113.0/24"] }
    redirect_port   = 80
    service_ports   = { mocks = 9080 }
    internet_egress = true
  }

  assert {
    condition     = toset([for rule in aws_vpc_security_group_ingress_rule.load_balancer : "${rule.from_port} ${rule.cidr_ipv4}"]) == toset(["443 198.51.100.0/24", "443 192.0.2.0/24", "80 198.51.100.0/24", "80 192.0.2.0/24", "8443 203.0.113.0/24"])
    error_message = "The redirect must be open only to the networks of the mocks."
  }
  assert {
    condition     = contains(keys(aws_vpc_security_group_ingress_rule.load_balancer), "80 198.51.100.0/24")
    error_message = "A rule's key must be its port and network: a certificate gives port 80 to the redirect, and AWS refuses the same rule twice."
  }
  assert {
    condition     = [for rule in aws_vpc_security_group_egress_rule.service_internet : "${rule.security_group_id} ${rule.ip_protocol} ${rule.from_port}-${rule.to_port} ${rule.cidr_ipv4}"] == ["sg-service tcp 443-443 0.0.0.0/0"]
    error_message = "internet_egress must open only HTTPS."
  }
  assert {
    condition     = toset([for rule in aws_vpc_security_group_ingress_rule.service : rule.from_port]) == toset([9080, 8081])
    error_message = "The ports of the service must have the given values, and 8081 by default."
  }
}

run "refuses_management_open_to_everybody" {
  command = plan
  variables {
    management = { port = 8081, cidrs = ["203.0.113.0/24", "0.0.0.0/7"] }
  }
  expect_failures = [var.management]
}

run "ipv6" {
  command = plan

  variables {
    mocks = { port = 443, cidrs = ["0.0.0.0/0", "::/0"] }
  }

  assert {
    condition     = [aws_vpc_security_group_ingress_rule.load_balancer["443 ::/0"].cidr_ipv6, aws_vpc_security_group_ingress_rule.load_balancer["443 0.0.0.0/0"].cidr_ipv4] == ["::/0", "0.0.0.0/0"]
    error_message = "Each network must have a rule of its kind."
  }
}

run "a_shared_vpc" {
  command = plan

  variables {
    endpoint_client_cidrs = ["10.50.0.0/16"]
  }

  assert {
    condition     = { for cidr, rule in aws_vpc_security_group_ingress_rule.endpoints_of_vpc : cidr => "${rule.from_port} ${rule.to_port} ${rule.cidr_ipv4}" } == { "10.50.0.0/16" = "443 443 10.50.0.0/16" }
    error_message = "Other clients in the VPC must reach the endpoints by HTTPS only."
  }
}

run "example_https" {
  command = plan
  module {
    source = "./examples/https"
  }
}
