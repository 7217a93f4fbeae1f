data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  region  = data.aws_region.current.region
  account = data.aws_caller_identity.current.account_id

  # From names, not from resources, so that a plan shows the complete dashboard and policies.
  alarm_arn_prefix = "arn:${data.aws_partition.current.partition}:cloudwatch:${local.region}:${local.account}:alarm:${var.name}-"
}

resource "aws_cloudwatch_log_group" "main" {
  #checkov:skip=CKV_AWS_158:AWS's own encryption is enough, because IAM decides the right to read, and Echo logs no secret
  #checkov:skip=CKV_AWS_338:Each environment decides: a year of a development environment's logs has no use
  for_each = toset(["collector", "service"])

  name              = "/echo/${var.name}/${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_kms_key_arn
}

# Counts error lines, because alarms need numbers. A mock with code 500 writes no error line, and refused calls of mocks
# do not write a line each.
resource "aws_cloudwatch_log_metric_filter" "error_lines" {
  name           = "error-lines"
  log_group_name = aws_cloudwatch_log_group.main["service"].name
  pattern        = "{ $.level = \"ERROR\" }"

  metric_transformation {
    namespace     = local.error_lines.namespace
    name          = local.error_lines.metric
    value         = "1"
    default_value = "0"
  }
}
