provider "aws" {
  region                      = "eu-central-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
  skip_region_validation      = true
}

variables {
  name         = "echo-test"
  cluster_name = "echo-test"
  service_name = "echo"
  min          = 2
  max          = 6
}

run "defaults" {
  command = plan

  assert {
    condition     = aws_appautoscaling_target.main.resource_id == "service/echo-test/echo" && aws_appautoscaling_target.main.min_capacity == 2 && aws_appautoscaling_target.main.max_capacity == 6
    error_message = "The service must scale between min and max."
  }
  assert {
    condition = {
      for name, policy in aws_appautoscaling_policy.main : name => [
        policy.target_tracking_scaling_policy_configuration[0].predefined_metric_specification[0].predefined_metric_type,
        policy.target_tracking_scaling_policy_configuration[0].target_value,
      ]
    } == { cpu = ["ECSServiceAverageCPUUtilization", 60] }
    error_message = "By default only CPU at 60 % must be tracked: more tasks do not lower memory."
  }
  assert {
    condition = alltrue([
      for policy in aws_appautoscaling_policy.main :
      policy.policy_type == "TargetTrackingScaling" && !policy.target_tracking_scaling_policy_configuration[0].disable_scale_in &&
      policy.target_tracking_scaling_policy_configuration[0].scale_out_cooldown < policy.target_tracking_scaling_policy_configuration[0].scale_in_cooldown
    ])
    error_message = "Each policy must scale in too, and more slowly than out."
  }
  assert {
    condition     = length(aws_appautoscaling_scheduled_action.main) == 0
    error_message = "Without schedules no scheduled action may exist."
  }
}

run "requests_and_schedules" {
  command = plan

  variables {
    requests_per_target      = 30000
    load_balancer_arn_suffix = "app/echo-test/0123456789abcdef"
    target_group_arn_suffix  = "targetgroup/echo-test-mocks/fedcba9876543210"
    target_cpu_percent       = 50
    schedules = {
      evening = { cron = "0 20 ? * MON-FRI *", timezone = "America/Argentina/Buenos_Aires", min = 0, max = 0 }
      monthly = { cron = "30 6 L * ? *", min = 4, max = 12 }
    }
  }

  assert {
    condition = alltrue([
      for specification in aws_appautoscaling_policy.main["requests"].target_tracking_scaling_policy_configuration[0].predefined_metric_specification :
      specification.predefined_metric_type == "ALBRequestCountPerTarget" &&
      specification.resource_label == "app/echo-test/0123456789abcdef/targetgroup/echo-test-mocks/fedcba9876543210"
    ])
    error_message = "Requests must be counted on the mocks' target group of this load balancer."
  }
  assert {
    condition     = { for name, policy in aws_appautoscaling_policy.main : name => policy.target_tracking_scaling_policy_configuration[0].target_value } == { cpu = 50, requests = 30000 }
    error_message = "The policies must have the given targets."
  }
  assert {
    condition = {
      for name, action in aws_appautoscaling_scheduled_action.main : name =>
      [action.name, action.schedule, action.timezone, action.scalable_target_action[0].min_capacity, action.scalable_target_action[0].max_capacity]
      } == {
      evening = ["echo-test-evening", "cron(0 20 ? * MON-FRI *)", "America/Argentina/Buenos_Aires", "0", "0"]
      monthly = ["echo-test-monthly", "cron(30 6 L * ? *)", "UTC", "4", "12"]
    }
    error_message = "Each schedule must set its limits at its time, in its time zone, even limits of 0."
  }
}

run "example_office_hours" {
  command = plan
  module {
    source = "./examples/office-hours"
  }
}
