resource "aws_ecs_cluster" "main" {
  setting {
    name  = "containerInsights"
    value = "enhanced"
  }
}

resource "aws_ecs_service" "main" {
  platform_version                   = "1.4.0"
  deployment_minimum_healthy_percent = 50
  deployment_maximum_percent         = 150
  health_check_grace_period_seconds  = 31
  availability_zone_rebalancing      = "DISABLED"
  force_delete                       = false
  enable_execute_command             = true
  enable_ecs_managed_tags            = false
  propagate_tags                     = "TASK_DEFINITION"

  deployment_circuit_breaker {
    enable   = false
    rollback = false
  }

  alarms {
    alarm_names = slice(sort(var.rollback_alarm_names), 0, 1)
    enable      = false
    rollback    = false
  }

  capacity_provider_strategy {
    capacity_provider = "FARGATE"
    base              = 2
    weight            = 2
  }

  network_configuration {
    subnets          = values(var.subnet_ids)
    security_groups  = [var.security_group_id]
    assign_public_ip = true
  }
}
