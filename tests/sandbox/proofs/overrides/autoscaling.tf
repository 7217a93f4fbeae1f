resource "aws_appautoscaling_target" "main" {
  min_capacity = var.min + 1
  max_capacity = var.max + 2
}

resource "aws_appautoscaling_policy" "main" {
  target_tracking_scaling_policy_configuration {
    target_value       = each.value.value + 1
    scale_out_cooldown = 61
    scale_in_cooldown  = 301

    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageMemoryUtilization"
      resource_label         = null
    }
  }
}

resource "aws_appautoscaling_scheduled_action" "main" {
  schedule = "cron(1 2 3 * ? *)"
  timezone = "Europe/Berlin"

  scalable_target_action {
    min_capacity = each.value.min + 1
    max_capacity = each.value.max + 2
  }
}
