# One environment and its changes, in order, with a mock provider. test_order.py reads the order of each change's steps
# from Terraform's log.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
  }
  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:111122223333:log-group:it" }
  }
  mock_resource "aws_ecs_cluster" {
    defaults = { arn = "arn:aws:ecs:eu-central-1:111122223333:cluster/it" }
  }
  mock_resource "aws_lb" {
    defaults = {
      arn        = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:loadbalancer/app/it/1"
      arn_suffix = "app/it/1"
      dns_name   = "it.example.com"
    }
  }
  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:eu-central-1:111122223333:it" }
  }
  mock_resource "aws_vpc_endpoint" {
    defaults = { dns_entry = [{ dns_name = "it.example.com", hosted_zone_id = "Z" }] }
  }
}

override_resource {
  target = module.iam.aws_iam_role.execution
  values = { arn = "arn:aws:iam::111122223333:role/execution" }
}
override_resource {
  target = module.iam.aws_iam_role.task
  values = { arn = "arn:aws:iam::111122223333:role/task" }
}
override_resource {
  target = module.network[0].aws_iam_role.flow_logs
  values = { arn = "arn:aws:iam::111122223333:role/flow-logs" }
}
override_resource {
  target = module.load_balancer.aws_lb_target_group.main["management"]
  values = { arn = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/management/1", arn_suffix = "targetgroup/management/1" }
}
override_resource {
  target = module.load_balancer.aws_lb_target_group.main["mocks"]
  values = { arn = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/mocks/1", arn_suffix = "targetgroup/mocks/1" }
}

override_module {
  target  = module.data_store
  outputs = { table_arn = "arn:aws:dynamodb:eu-central-1:111122223333:table/echo-test", table_name = "echo-test" }
}

variables {
  environment         = "test"
  docker_image_url    = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/echo-service@sha256:1111111111111111111111111111111111111111111111111111111111111111"
  collector_image_url = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/ecr-public/aws-observability/aws-otel-collector@sha256:2222222222222222222222222222222222222222222222222222222222222222"
  access              = { management_cidrs = ["203.0.113.0/24"] }
  capacity            = { min = 2, max = 4 }
  alarms              = { runbook_url = "https://example.com/runbook.md" }
  protect             = false
  network             = { cidr = "10.0.0.0/16", zones = ["b", "c"], nat = "none" }
}

run "three_zones" {
  variables {
    network = { cidr = "10.0.0.0/16", zones = ["a", "b", "c"], nat = "none" }
  }
}

run "without_a_zone" {}

run "none_to_single" {
  variables {
    network = { cidr = "10.0.0.0/16", zones = ["b", "c"], nat = "single" }
  }
}

# The only gateway moves to the zone with the first letter.
run "single_with_an_earlier_zone" {
  variables {
    network = { cidr = "10.0.0.0/16", zones = ["a", "b", "c"], nat = "single" }
    domain  = { name = "echo.example.com", certificate_arn = "arn:aws:acm:eu-central-1:111122223333:certificate/1" }
  }
}

run "single_to_per_az" {
  variables {
    network = { cidr = "10.0.0.0/16", zones = ["a", "b", "c"], nat = "per_az" }
  }
}

run "per_az_to_single_without_a_zone" {
  variables {
    network = { cidr = "10.0.0.0/16", zones = ["b", "c"], nat = "single" }
  }
}

run "single_to_regional" {
  variables {
    network = { cidr = "10.0.0.0/16", zones = ["b", "c"], nat = "regional" }
  }
}

run "regional_to_none" {}
