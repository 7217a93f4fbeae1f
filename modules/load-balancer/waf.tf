locals {
  # AWS's rule groups by name, with their order. `blocks`: refuse a match, or only count it.
  waf_managed_rules = {
    AWSManagedRulesAmazonIpReputationList = { priority = 2, blocks = true }
    AWSManagedRulesKnownBadInputsRuleSet  = { priority = 3, blocks = var.waf.block_content }
    AWSManagedRulesCommonRuleSet          = { priority = 4, blocks = var.waf.block_content }
  }
}

resource "aws_wafv2_web_acl" "main" {
  #checkov:skip=CKV_AWS_192:Counts only without waf.block_content: testing such an attack is a use of mocks, and Echo runs no Java
  count = var.waf.enabled ? 1 : 0

  name        = var.name
  description = "In front of the load balancer of ${var.name}"
  scope       = "REGIONAL"

  default_action {
    allow {}
  }

  rule {
    name     = "rate"
    priority = 1

    action {
      block {}
    }

    statement {
      rate_based_statement {
        aggregate_key_type    = "IP"
        limit                 = var.waf.requests_per_5_minutes
        evaluation_window_sec = 300
      }
    }

    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "${var.name}-rate"
      sampled_requests_enabled   = false
    }
  }

  dynamic "rule" {
    for_each = local.waf_managed_rules

    content {
      name     = rule.key
      priority = rule.value.priority

      override_action {
        dynamic "none" {
          for_each = rule.value.blocks ? [1] : []
          content {}
        }
        dynamic "count" {
          for_each = rule.value.blocks ? [] : [1]
          content {}
        }
      }

      statement {
        managed_rule_group_statement {
          vendor_name = "AWS"
          name        = rule.key
        }
      }

      visibility_config {
        cloudwatch_metrics_enabled = true
        metric_name                = "${var.name}-${rule.key}"
        sampled_requests_enabled   = false
      }
    }
  }

  # No samples: they show the header with the key, even with the redaction of the log.
  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = var.name
    sampled_requests_enabled   = false
  }
}

resource "aws_wafv2_web_acl_association" "main" {
  count = var.waf.enabled ? 1 : 0

  web_acl_arn  = aws_wafv2_web_acl.main[0].arn
  resource_arn = aws_lb.main.arn
}

resource "aws_cloudwatch_log_group" "waf" {
  #checkov:skip=CKV_AWS_158:AWS's own encryption is enough: the log omits management keys
  #checkov:skip=CKV_AWS_338:Keeps addresses of clients for waf.log_retention_days, not for a year by default
  count = var.waf.enabled ? 1 : 0

  # WAF requires this prefix for log groups.
  name              = "aws-waf-logs-${var.name}"
  retention_in_days = var.waf.log_retention_days
  kms_key_id        = var.log_kms_key_arn
}

resource "aws_wafv2_web_acl_logging_configuration" "main" {
  count = var.waf.enabled ? 1 : 0

  resource_arn            = aws_wafv2_web_acl.main[0].arn
  log_destination_configs = [aws_cloudwatch_log_group.waf[0].arn]

  redacted_fields {
    single_header {
      name = "authorization"
    }
  }

  # Passed requests are in the access logs, which cost far less. Counted requests are everyday calls of mocks: without a
  # User-Agent, or with large bodies.
  logging_filter {
    default_behavior = "DROP"

    filter {
      behavior    = "KEEP"
      requirement = "MEETS_ANY"

      dynamic "condition" {
        for_each = var.waf.log_counted ? ["BLOCK", "COUNT"] : ["BLOCK"]

        content {
          action_condition {
            action = condition.value
          }
        }
      }
    }
  }
}
