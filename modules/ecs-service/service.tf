resource "aws_ecs_service" "main" {
  name             = "echo"
  cluster          = aws_ecs_cluster.main.arn
  task_definition  = aws_ecs_task_definition.main.arn
  desired_count    = var.desired_count
  platform_version = "LATEST"

  # A rollout starts new tasks beside the old ones, and stops an old task only when a new task is healthy.
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  # Time for a task to load all mocks before the load balancer may report it unhealthy: twice the time in which twelve
  # tasks that start together load a million mocks (docs/consistency/design.md, "Starts").
  health_check_grace_period_seconds = 600
  availability_zone_rebalancing     = "ENABLED"

  # The apply waits for the rollout and fails with it. Ctrl-C rolls the deployment back.
  wait_for_steady_state = true
  sigint_rollback       = true
  # Without this the provider refuses to change the mix of capacity. It takes effect only with another change of the
  # service.
  force_new_deployment = true
  # Delete the service without scaling to zero first.
  force_delete = !var.protect

  enable_execute_command  = false
  enable_ecs_managed_tags = true
  propagate_tags          = "SERVICE"

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  alarms {
    alarm_names = var.rollback_alarm_names
    enable      = true
    rollback    = true
  }

  capacity_provider_strategy {
    capacity_provider = "FARGATE"
    base              = var.capacity.on_demand_base
    # Never 0: by AWS's documentation a provider with weight 0 places no tasks, and the documentation leaves the base
    # open.
    weight = max(1, 100 - var.capacity.spot_percent)
  }

  dynamic "capacity_provider_strategy" {
    for_each = var.capacity.spot_percent > 0 ? [var.capacity.spot_percent] : []

    content {
      capacity_provider = "FARGATE_SPOT"
      weight            = capacity_provider_strategy.value
    }
  }

  network_configuration {
    subnets         = values(var.subnet_ids)
    security_groups = [var.security_group_id]
    # Without a public address, a task is reachable through the load balancer only.
    assign_public_ip = false
  }

  dynamic "load_balancer" {
    for_each = var.target_group_arns

    content {
      container_name   = local.service.name
      container_port   = var.ports[load_balancer.key]
      target_group_arn = load_balancer.value
    }
  }

  # A bad image fails several times before the circuit breaker acts, and the rollback takes time as well. A task that is
  # never ready counts as failed after the grace period only.
  timeouts {
    create = "45m"
    update = "45m"
    delete = "20m"
  }

  # The cluster cannot release a capacity provider while a service uses it.
  depends_on = [aws_ecs_cluster_capacity_providers.main]

  lifecycle {
    # Only the first count: afterwards autoscaling decides.
    ignore_changes = [desired_count]

    # The provider recognises a failed deployment by its time of creation. If this machine's clock is ahead of ECS's,
    # the provider compares only the number of tasks, and a rollback restores that number.
    postcondition {
      condition     = self.task_definition == aws_ecs_task_definition.main.arn
      error_message = "The deployment was rolled back: ${self.task_definition} serves, not ${aws_ecs_task_definition.main.arn}. For the reason, read the service's events and the stopped tasks' reasons."
    }
  }
}
