locals {
  # Target tracking adds tasks until the average reaches the target, and removes tasks well below the target. Each
  # policy scales out alone; tasks are removed only when all policies agree. Memory is no target: each task holds all
  # mocks, so more tasks do not lower its use, and the service would stay at its maximum.
  targets = {
    for name, target in {
      cpu      = { metric = "ECSServiceAverageCPUUtilization", value = var.target_cpu_percent, label = null }
      requests = { metric = "ALBRequestCountPerTarget", value = var.requests_per_target, label = "${coalesce(var.load_balancer_arn_suffix, "-")}/${coalesce(var.target_group_arn_suffix, "-")}" }
    } : name => target if target.value != null
  }
}

resource "aws_appautoscaling_target" "main" {
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${var.cluster_name}/${var.service_name}"
  min_capacity       = var.min
  max_capacity       = var.max
}

resource "aws_appautoscaling_policy" "main" {
  for_each = local.targets

  name               = "${var.name}-${each.key}"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.main.service_namespace
  scalable_dimension = aws_appautoscaling_target.main.scalable_dimension
  resource_id        = aws_appautoscaling_target.main.resource_id

  target_tracking_scaling_policy_configuration {
    target_value = each.value.value
    # A task serves a few seconds after its start, so its effect is visible within a minute.
    scale_out_cooldown = 60
    # Remove tasks slowly: test suites come in bursts, minutes apart.
    scale_in_cooldown = 300

    predefined_metric_specification {
      predefined_metric_type = each.value.metric
      resource_label         = each.value.label
    }
  }
}

resource "aws_appautoscaling_scheduled_action" "main" {
  for_each = var.schedules

  name               = "${var.name}-${each.key}"
  service_namespace  = aws_appautoscaling_target.main.service_namespace
  scalable_dimension = aws_appautoscaling_target.main.scalable_dimension
  resource_id        = aws_appautoscaling_target.main.resource_id
  schedule           = "cron(${each.value.cron})"
  timezone           = each.value.timezone

  scalable_target_action {
    min_capacity = each.value.min
    max_capacity = each.value.max
  }
}
