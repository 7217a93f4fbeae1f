# Planned by the real provider, without AWS. Only a cluster can show that a rollback fails the apply: the sandbox tests
# that.

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
  name  = "echo-test"
  image = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/echo-service@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  collector = {
    image  = "public.ecr.aws/aws-observability/aws-otel-collector@sha256:1111111111111111111111111111111111111111111111111111111111111111"
    config = "receivers: {otlp: {}}\n"
  }
  cpu                  = 512
  memory               = 1024
  desired_count        = 2
  execution_role_arn   = "arn:aws:iam::111122223333:role/echo-test-execution"
  task_role_arn        = "arn:aws:iam::111122223333:role/echo-test-task"
  subnet_ids           = { a = "subnet-aaaaaaaa", b = "subnet-bbbbbbbb" }
  security_group_id    = "sg-00000000"
  log_group_names      = { service = "/echo/echo-test/service", collector = "/echo/echo-test/collector" }
  rollback_alarm_names = ["echo-test-target-5xx", "echo-test-latency"]
  environment          = { ECHO_STORE = "dynamodb:echo-test", ECHO_LISTEN = "0.0.0.0:8080" }
  secrets              = { ECHO_KEYS = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:echo-test/key-entries-AbCdEf:::version-1" }
  target_group_arns = {
    mocks      = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/echo-test-mocks/0000000000000000"
    management = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/echo-test-management/1111111111111111"
  }
}

run "defaults" {
  command = plan

  # The task
  assert {
    condition = (
      aws_ecs_task_definition.main.requires_compatibilities == toset(["FARGATE"]) && aws_ecs_task_definition.main.network_mode == "awsvpc" &&
      aws_ecs_task_definition.main.cpu == "512" && aws_ecs_task_definition.main.memory == "1024" &&
      aws_ecs_task_definition.main.runtime_platform[0].cpu_architecture == "ARM64"
    )
    error_message = "The task must run on Fargate with the requested size, by default on ARM64."
  }
  assert {
    condition     = aws_ecs_task_definition.main.execution_role_arn == var.execution_role_arn && aws_ecs_task_definition.main.task_role_arn == var.task_role_arn
    error_message = "The two roles must not be mixed up."
  }
  assert {
    condition     = { for container in jsondecode(aws_ecs_task_definition.main.container_definitions) : container.name => container.essential } == { echo = true, collector = false }
    error_message = "The task must have service and collector, and the service must survive the end of the collector."
  }
  assert {
    condition = alltrue([
      for container in jsondecode(aws_ecs_task_definition.main.container_definitions) :
      container.readonlyRootFilesystem && container.linuxParameters.initProcessEnabled && jsonencode(container.linuxParameters.capabilities) == jsonencode({ add = [], drop = ["ALL"] }) &&
      !can(container.privileged) && can(regex("^[1-9][0-9]*:[1-9][0-9]*$", container.user))
    ])
    error_message = "Each container must be read-only, non-root, with an init process and without any capability, with all attributes that AWS returns."
  }
  assert {
    condition = alltrue([
      for container in jsondecode(aws_ecs_task_definition.main.container_definitions) : container.logConfiguration == {
        logDriver = "awslogs"
        options = {
          awslogs-group         = container.name == "echo" ? "/echo/echo-test/service" : "/echo/echo-test/collector"
          awslogs-region        = "eu-central-1"
          awslogs-stream-prefix = "echo"
          max-buffer-size       = "4m"
          mode                  = "non-blocking"
        }
      }
    ])
    error_message = "Each container must log into its own group and must not block on it."
  }
  assert {
    condition = alltrue([
      for container in jsondecode(aws_ecs_task_definition.main.container_definitions) : alltrue([
        container.image == var.image,
        container.user == "65532:65532",
        # Without a command of its own, the task would have the image's, which opens management without keys.
        container.command == ["serve"],
        container.cpu == 448,
        container.memory == 768,
        container.environment == [{ name = "ECHO_LISTEN", value = "0.0.0.0:8080" }, { name = "ECHO_STORE", value = "dynamodb:echo-test" }],
        container.secrets == [{ name = "ECHO_KEYS", valueFrom = var.secrets["ECHO_KEYS"] }],
        container.portMappings[*].containerPort == [8080, 8081],
        container.healthCheck.command == ["CMD", "/echo-service", "healthcheck"],
        container.stopTimeout == 60,
        container.dependsOn == [{ containerName = "collector", condition = "START" }],
      ]) if container.name == "echo"
    ])
    error_message = "The service's container must match the image: user, ports, health, secrets by reference, and the memory that the collector leaves."
  }
  assert {
    condition = alltrue([
      for container in jsondecode(aws_ecs_task_definition.main.container_definitions) : alltrue([
        container.image == var.collector.image,
        container.restartPolicy.enabled,
        container.memory == 256,
        container.cpu == 64,
        !can(container.portMappings),
        !can(container.secrets),
        container.environment == [{ name = "AOT_CONFIG_CONTENT", value = var.collector.config }, { name = "GOMEMLIMIT", value = "204MiB" }],
      ]) if container.name == "collector"
    ])
    error_message = "The collector must be limited, restarted, unreachable from outside the task, and get no secret."
  }

  # The service
  assert {
    condition = (
      aws_ecs_service.main.deployment_circuit_breaker[0].enable && aws_ecs_service.main.deployment_circuit_breaker[0].rollback &&
      aws_ecs_service.main.alarms[0].enable && aws_ecs_service.main.alarms[0].rollback && aws_ecs_service.main.alarms[0].alarm_names == var.rollback_alarm_names
    )
    error_message = "The circuit breaker and each of the alarms must roll back a deployment."
  }
  assert {
    condition     = aws_ecs_service.main.wait_for_steady_state && aws_ecs_service.main.sigint_rollback
    error_message = "The apply must wait for the rollout, and roll it back if interrupted."
  }
  assert {
    # 73,200 read units for a million mocks of 300 bytes, twelve tasks, 3,000 read units a second.
    condition     = aws_ecs_service.main.health_check_grace_period_seconds >= 2 * 73200 * 12 / 3000
    error_message = "Twelve tasks that start together must have twice the time that a load of a million mocks takes."
  }
  assert {
    condition     = aws_ecs_service.main.deployment_minimum_healthy_percent == 100 && aws_ecs_service.main.deployment_maximum_percent == 200 && aws_ecs_service.main.availability_zone_rebalancing == "ENABLED"
    error_message = "A rollout must start new tasks before it stops old ones, and spread tasks over the zones."
  }
  assert {
    condition = (
      !aws_ecs_service.main.network_configuration[0].assign_public_ip && aws_ecs_service.main.network_configuration[0].security_groups == toset(["sg-00000000"]) &&
      aws_ecs_service.main.network_configuration[0].subnets == toset(["subnet-aaaaaaaa", "subnet-bbbbbbbb"])
    )
    error_message = "Tasks must be in the given subnets and group, without a public address."
  }
  assert {
    condition = { for target in aws_ecs_service.main.load_balancer : target.container_port => [target.container_name, target.target_group_arn] } == {
      8080 = ["echo", var.target_group_arns.mocks]
      8081 = ["echo", var.target_group_arns.management]
    }
    error_message = "Each port must be registered in its own target group."
  }
  assert {
    condition     = [for provider in aws_ecs_service.main.capacity_provider_strategy : [provider.capacity_provider, provider.base, provider.weight]] == [["FARGATE", 1, 100]]
    error_message = "Without Spot all tasks must run on demand."
  }
  assert {
    condition     = !aws_ecs_service.main.force_delete && !aws_ecs_service.main.enable_execute_command
    error_message = "A protected service must drain before its deletion, and must not allow a shell."
  }
  assert {
    condition     = { for setting in aws_ecs_cluster.main.setting : setting.name => setting.value } == { containerInsights = "enabled" }
    error_message = "Container Insights must be on for the alarm on missing tasks."
  }
  assert {
    condition     = output.cluster_name == "echo-test" && output.service_name == "echo"
    error_message = "The outputs must have the names of cluster and service for the observability module."
  }
}

run "all_choices" {
  command = plan

  variables {
    capacity             = { on_demand_base = 2, spot_percent = 75 }
    cpu                  = 8192
    memory               = 20480
    cpu_architecture     = "X86_64"
    ports                = { mocks = 9000, management = 9001 }
    protect              = false
    stop_timeout_seconds = 120
    secrets              = {}
    environment          = {}
  }

  assert {
    condition = {
      for provider in aws_ecs_service.main.capacity_provider_strategy : provider.capacity_provider => [coalesce(provider.base, 0), provider.weight]
    } == { FARGATE = [2, 25], FARGATE_SPOT = [0, 75] }
    error_message = "Two tasks must be on demand, and three of four others on Spot."
  }
  assert {
    condition     = aws_ecs_service.main.force_delete
    error_message = "One destroy must delete an unprotected service."
  }
  assert {
    condition = (
      aws_ecs_task_definition.main.runtime_platform[0].cpu_architecture == "X86_64" && aws_ecs_task_definition.main.memory == "20480"
    )
    error_message = "Architecture and memory must have the requested values."
  }
  assert {
    condition = (
      toset(aws_ecs_service.main.load_balancer[*].container_port) == toset([9000, 9001]) &&
      [for container in jsondecode(aws_ecs_task_definition.main.container_definitions) : container.portMappings[*].containerPort if container.name == "echo"] == [[9000, 9001]] &&
      [for container in jsondecode(aws_ecs_task_definition.main.container_definitions) : container.stopTimeout if container.name == "echo"] == [120]
    )
    error_message = "The ports must be equal in the task and at the load balancer, and the stop time must have the requested value."
  }
}

run "all_but_the_base_on_spot" {
  command = plan
  variables {
    capacity = { spot_percent = 100 }
  }

  assert {
    condition = {
      for provider in aws_ecs_service.main.capacity_provider_strategy : provider.capacity_provider => [coalesce(provider.base, 0), provider.weight]
    } == { FARGATE = [1, 1], FARGATE_SPOT = [0, 100] }
    error_message = "The base must run on demand, by a provider with a weight, and all other tasks on Spot."
  }
}

run "example_spot" {
  command = plan

  variables {
    network           = { subnet_ids = { a = "subnet-aaaaaaaa", b = "subnet-bbbbbbbb" }, security_group_id = "sg-00000000" }
    target_group_arns = var.target_group_arns
    role_arns         = { execution = var.execution_role_arn, task = var.task_role_arn }
    image             = var.image
  }

  module {
    source = "./examples/spot"
  }
}
