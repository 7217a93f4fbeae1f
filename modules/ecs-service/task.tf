data "aws_region" "current" {}

locals {
  # What all containers have in common: no way to write to the image, to gain rights, or to wait for CloudWatch.
  hardened = {
    readonlyRootFilesystem = true
    linuxParameters = {
      # Reaps what others leave behind, and passes SIGTERM on.
      initProcessEnabled = true
      # With the empty list, which AWS adds: left out, each plan would replace the task definition.
      capabilities = { add = [], drop = ["ALL"] }
    }
  }

  logs = {
    for name, group in var.log_group_names : name => {
      logDriver = "awslogs"
      options = {
        awslogs-group         = group
        awslogs-region        = data.aws_region.current.region
        awslogs-stream-prefix = "echo"
        # When CloudWatch is slow, log lines are lost after 4 MiB; blocking would stop the service instead.
        mode            = "non-blocking"
        max-buffer-size = "4m"
      }
    }
  }

  # The collector's part of the task. Its memory is a limit, so that telemetry can not take the service down. The service has no
  # limit but the task's: with one of its own, its memory in percent of the task's could never reach the alarm.
  collector_cpu_units    = 64
  collector_memory_mib   = 256
  collector_heap_percent = 80

  service = merge(local.hardened, {
    name      = "echo"
    image     = var.image
    essential = true
    # A weight among the containers, not a limit.
    cpu  = var.cpu - local.collector_cpu_units
    user = "65532:65532"

    environment = [for name in sort(keys(var.environment)) : { name = name, value = var.environment[name] }]
    secrets     = [for name in sort(keys(var.secrets)) : { name = name, valueFrom = var.secrets[name] }]

    portMappings = [
      for name in ["mocks", "management"] : { name = name, containerPort = var.ports[name], hostPort = var.ports[name], protocol = "tcp" }
    ]

    # Asks /-/live. Whether the task gets requests is decided by the load balancer, which asks /-/ready.
    healthCheck = {
      command     = ["CMD", "/echo-service", "healthcheck"]
      interval    = 10
      timeout     = 5
      retries     = 3
      startPeriod = 30
    }
    stopTimeout = var.stop_timeout_seconds

    # Not for the start: at the end ECS stops in the opposite order, so that the collector still takes the last telemetry.
    # START and not HEALTHY, because a collector that never gets healthy must not keep the service from starting.
    dependsOn        = [{ containerName = "collector", condition = "START" }]
    logConfiguration = local.logs["service"]
  })

  collector = merge(local.hardened, {
    name  = "collector"
    image = var.collector.image
    # The service outlives it; it is started again.
    essential     = false
    restartPolicy = { enabled = true, restartAttemptPeriod = 60 }
    cpu           = local.collector_cpu_units
    memory        = local.collector_memory_mib
    # The user of the AWS Distro's image.
    user = "4317:4317"

    environment = [
      { name = "AOT_CONFIG_CONTENT", value = var.collector.config },
      { name = "GOMEMLIMIT", value = "${floor(local.collector_memory_mib * local.collector_heap_percent / 100)}MiB" },
    ]

    # Time to send what it holds. It opens no port: the service reaches it on loopback.
    stopTimeout      = 30
    logConfiguration = local.logs["collector"]
  })
}

resource "aws_ecs_task_definition" "main" {
  family                   = "${var.name}-echo"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory
  execution_role_arn       = var.execution_role_arn
  task_role_arn            = var.task_role_arn
  container_definitions    = jsonencode([local.service, local.collector])

  runtime_platform {
    cpu_architecture        = var.cpu_architecture
    operating_system_family = "LINUX"
  }

  lifecycle {
    # The revision before is taken away only when the new one serves: a rollback needs it.
    create_before_destroy = true
  }
}
