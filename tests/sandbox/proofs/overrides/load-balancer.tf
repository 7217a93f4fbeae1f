resource "aws_s3_bucket_public_access_block" "access_logs" {
  block_public_acls       = false
  block_public_policy     = false
  ignore_public_acls      = false
  restrict_public_buckets = false
}

resource "aws_s3_bucket_lifecycle_configuration" "access_logs" {
  rule {
    id     = "changed"
    status = "Disabled"

    filter {
      prefix = "changed/"
    }

    expiration {
      days = 91
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 2
    }
  }
}

resource "aws_s3_bucket_policy" "access_logs" {
  policy = jsonencode(merge(jsondecode(data.aws_iam_policy_document.access_logs.json), { Id = "changed" }))
}

resource "aws_lb_listener" "main" {
  port            = each.value + 1
  certificate_arn = replace(var.certificate.arn, "/0$/", "1")
  ssl_policy      = "ELBSecurityPolicy-TLS13-1-2-2021-06"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.main[each.key == "mocks" ? "management" : "mocks"].arn
  }
}

resource "aws_lb_listener" "redirect" {
  port = 82

  default_action {
    type = "redirect"

    redirect {
      protocol    = "HTTP"
      port        = "8080"
      status_code = "HTTP_302"
    }
  }
}

resource "aws_lb" "main" {
  enable_zonal_shift         = false
  idle_timeout               = 61
  xff_header_processing_mode = "preserve"
  drop_invalid_header_fields = true
  desync_mitigation_mode     = "strictest"
  enable_waf_fail_open       = false

  access_logs {
    bucket  = aws_s3_bucket.access_logs.id
    enabled = false
  }
}

resource "aws_lb_target_group" "main" {
  deregistration_delay = 31

  health_check {
    protocol            = "HTTPS"
    port                = "traffic-port"
    path                = "/changed"
    matcher             = "200-204"
    interval            = 11
    timeout             = 6
    healthy_threshold   = 3
    unhealthy_threshold = 4
  }
}

resource "aws_wafv2_web_acl" "main" {
  description = "Changed"

  default_action {
    block {}
  }

  rule {
    name     = "changed"
    priority = 11

    action {
      count {}
    }

    statement {
      rate_based_statement {
        aggregate_key_type    = "CONSTANT"
        limit                 = 1234
        evaluation_window_sec = 600

        scope_down_statement {
          geo_match_statement {
            country_codes = ["AQ"]
          }
        }
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = false
      metric_name                = "changed"
      sampled_requests_enabled   = true
    }
  }

  rule {
    name     = "changed-too"
    priority = 12

    override_action {
      none {}
    }

    statement {
      managed_rule_group_statement {
        vendor_name = "AWS"
        name        = "AWSManagedRulesLinuxRuleSet"
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = false
      metric_name                = "changed-too"
      sampled_requests_enabled   = true
    }
  }

  visibility_config {
    cloudwatch_metrics_enabled = false
    metric_name                = "changed"
    sampled_requests_enabled   = true
  }
}

resource "aws_cloudwatch_log_group" "waf" {
  retention_in_days = 60
}

resource "aws_wafv2_web_acl_logging_configuration" "main" {
  redacted_fields {
    single_header {
      name = "cookie"
    }
  }

  logging_filter {
    default_behavior = "KEEP"

    filter {
      behavior    = "DROP"
      requirement = "MEETS_ALL"

      condition {
        action_condition {
          action = "ALLOW"
        }
      }
    }
  }
}
