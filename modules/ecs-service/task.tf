data "aws_region" "current" {}

locals {
  # Common to all containers: no writes to the image, no new rights, no waiting for CloudWatch.
  hardened = {
    readonlyRootFilesystem = true
    linuxParameters = {
      # Reaps orphaned processes and forwards SIGTERM.
      initProcessEnabled = true
      # Include the empty list: AWS adds one, and each plan would otherwise replace the task definition.
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
        # If CloudWatch is slow, log lines beyond 4 MiB are lost; blocking would stop the service instead.
        mode            = "non-blocking"
        max-buffer-size = "4m"
      }
    }
  }

  # The collector's share of the task. Its memory is limited, so that telemetry cannot take the service down.
  collector_cpu_units    = 64
  collector_memory_mib   = 256
  collector_heap_percent = 80

  service = merge(local.hardened, {
    name      = "echo"
    image     = var.image
    essential = true
    # A relative weight of the containers, not a limit.
    cpu = var.cpu - local.collector_cpu_units
    # A limit of the container. The service derives its limit for all mocks from it (--max-mocks-bytes).
    memory = var.memory - local.collector_memory_mib
    user   = "65532:65532"
    # Replaces the image's own command, which opens management without keys.
    command = ["serve"]

    environment = [for name in sort(keys(var.environment)) : { name = name, value = var.environment[name] }]
    secrets     = [for name in sort(keys(var.secrets)) : { name = name, valueFrom = var.secrets[name] }]

    portMappings = [
      for name in ["mocks", "management"] : { name = name, containerPort = var.ports[name], hostPort = var.ports[name], protocol = "tcp" }
    ]

    # Requests /-/live, which answers while the mocks are loaded. The load balancer requests /-/ready and decides about
    # requests to the task.
    healthCheck = {
      command     = ["CMD", "/echo-service", "healthcheck"]
      interval    = 10
      timeout     = 5
      retries     = 3
      startPeriod = 30
    }
    stopTimeout = var.stop_timeout_seconds

    # For the end, not the start: ECS stops containers in reverse order, so that the collector still receives the last
    # telemetry. START, not HEALTHY: an unhealthy collector must not keep the service from starting.
    dependsOn        = [{ containerName = "collector", condition = "START" }]
    logConfiguration = local.logs["service"]
  })

  collector = merge(local.hardened, {
    name  = "collector"
    image = var.collector.image
    # The service continues without the collector, and ECS restarts the collector.
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

    # Time to send buffered telemetry. No open port: the service reaches the collector on loopback.
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
    # Remove the previous revision only when the new revision serves: a rollback needs it.
    create_before_destroy = true
  }
}
