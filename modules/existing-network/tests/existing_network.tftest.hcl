# Planned by the real provider, without AWS: the VPC and its subnets are given.

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
  target = data.aws_vpc.main
  values = { enable_dns_support = true, enable_dns_hostnames = true }
}

override_data {
  target = data.aws_ec2_managed_prefix_list.main["dynamodb"]
  values = { id = "pl-dynamodb" }
}

override_data {
  target = data.aws_ec2_managed_prefix_list.main["s3"]
  values = { id = "pl-s3" }
}

override_data {
  target = data.aws_subnet.main["subnet-1"]
  values = { vpc_id = "vpc-1", availability_zone = "eu-central-1a", available_ip_address_count = 250, cidr_block = "10.0.1.0/24", ipv6_cidr_block = "2001:db8:0:1::/64" }
}

override_data {
  target = data.aws_subnet.main["subnet-2"]
  values = { vpc_id = "vpc-1", availability_zone = "eu-central-1c", available_ip_address_count = 30, cidr_block = "10.0.2.0/24", ipv6_cidr_block = "2001:db8:0:2::/64" }
}

override_data {
  target = data.aws_subnet.main["subnet-3"]
  values = { vpc_id = "vpc-1", availability_zone = "eu-central-1c", available_ip_address_count = 7, cidr_block = "10.0.3.0/24", ipv6_cidr_block = "" }
}

override_data {
  target = data.aws_subnet.main["subnet-4"]
  values = { vpc_id = "vpc-4", availability_zone = "eu-central-1c", available_ip_address_count = 250, cidr_block = "10.0.4.0/24", ipv6_cidr_block = "" }
}

variables {
  vpc_id                   = "vpc-1"
  task_subnet_ids          = ["subnet-1", "subnet-2"]
  load_balancer_subnet_ids = ["subnet-2", "subnet-1"]
  interface_endpoints      = true
  addresses                = 30
  ipv6                     = true
}

run "a_vpc_that_fits" {
  command = plan

  assert {
    condition     = output.task_subnet_ids == { a = "subnet-1", c = "subnet-2" } && output.load_balancer_subnet_ids == { a = "subnet-1", c = "subnet-2" }
    error_message = "Each subnet must have the letter of its zone."
  }
  assert {
    condition     = output.proxy_cidrs == ["10.0.1.0/24", "10.0.2.0/24"] && output.gateway_prefix_list_ids == { dynamodb = "pl-dynamodb", s3 = "pl-s3" }
    error_message = "The service must trust the load balancer's subnets only, and rules must name AWS's lists."
  }
}

run "refuses_a_subnet_of_another_vpc" {
  command = plan
  variables {
    task_subnet_ids = ["subnet-1", "subnet-4"]
  }
  expect_failures = [data.aws_subnet.main["subnet-4"]]
}

run "refuses_a_full_subnet_of_tasks" {
  command = plan
  variables {
    addresses = 31
  }
  expect_failures = [data.aws_subnet.main["subnet-2"]]
}

run "refuses_a_full_subnet_of_the_load_balancer" {
  command = plan
  variables {
    load_balancer_subnet_ids = ["subnet-1", "subnet-3"]
    ipv6                     = false
  }
  expect_failures = [data.aws_subnet.main["subnet-3"]]
}

run "refuses_a_subnet_without_ipv6" {
  command = plan
  variables {
    vpc_id                   = "vpc-1"
    load_balancer_subnet_ids = ["subnet-1", "subnet-5"]
  }
  override_data {
    target = data.aws_subnet.main["subnet-5"]
    values = { vpc_id = "vpc-1", availability_zone = "eu-central-1c", available_ip_address_count = 250, cidr_block = "10.0.5.0/24", ipv6_cidr_block = "" }
  }
  expect_failures = [data.aws_subnet.main["subnet-5"]]
}

run "refuses_two_subnets_of_a_zone" {
  command = plan
  variables {
    task_subnet_ids = ["subnet-1", "subnet-2", "subnet-6"]
  }
  override_data {
    target = data.aws_subnet.main["subnet-6"]
    values = { vpc_id = "vpc-1", availability_zone = "eu-central-1c", available_ip_address_count = 250, cidr_block = "10.0.6.0/24" }
  }
  expect_failures = [output.task_subnet_ids]
}

run "refuses_subnets_in_one_zone" {
  command = plan
  variables {
    load_balancer_subnet_ids = ["subnet-2", "subnet-6"]
  }
  override_data {
    target = data.aws_subnet.main["subnet-6"]
    values = { vpc_id = "vpc-1", availability_zone = "eu-central-1c", available_ip_address_count = 250, cidr_block = "10.0.6.0/24", ipv6_cidr_block = "2001:db8:0:6::/64" }
  }
  expect_failures = [output.load_balancer_subnet_ids]
}

run "refuses_a_single_subnet" {
  command = plan
  variables {
    load_balancer_subnet_ids = ["subnet-1"]
    task_subnet_ids          = ["subnet-1"]
  }
  expect_failures = [var.load_balancer_subnet_ids, var.task_subnet_ids]
}

run "refuses_a_vpc_without_names_for_endpoints" {
  command = plan
  override_data {
    target = data.aws_vpc.main
    values = { enable_dns_support = true, enable_dns_hostnames = false }
  }
  expect_failures = [data.aws_vpc.main]
}

run "example_shared_vpc" {
  command = plan

  override_data {
    target = module.network.data.aws_vpc.main
    values = { enable_dns_support = true, enable_dns_hostnames = true }
  }
  override_data {
    target = module.network.data.aws_ec2_managed_prefix_list.main
    values = { id = "pl-1" }
  }
  override_data {
    target = module.network.data.aws_subnet.main["subnet-0123456789abcdef0"]
    values = { vpc_id = "vpc-0123456789abcdef0", availability_zone = "eu-central-1a", available_ip_address_count = 250 }
  }
  override_data {
    target = module.network.data.aws_subnet.main["subnet-0123456789abcdef1"]
    values = { vpc_id = "vpc-0123456789abcdef0", availability_zone = "eu-central-1b", available_ip_address_count = 250 }
  }

  module {
    source = "./examples/shared-vpc"
  }
}
