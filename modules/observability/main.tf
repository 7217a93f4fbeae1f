data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  region  = data.aws_region.current.region
  account = data.aws_caller_identity.current.account_id

  # From names, not from resources, so that a plan shows dashboard and policies whole.
  alarm_arn_prefix = "arn:${data.aws_partition.current.partition}:cloudwatch:${local.region}:${local.account}:alarm:${var.name}-"
}

resource "aws_cloudwatch_log_group" "main" {
  #checkov:skip=CKV_AWS_158:AWS's own encryption is enough, because who may read is decided by IAM, and no secret is logged
  #checkov:skip=CKV_AWS_338:An environment says for how long: a year of a development environment's logs is of no use to anybody
  for_each = toset(["collector", "service"])

  name              = "/echo/${var.name}/${each.key}"
  retention_in_days = var.log_retention_days
}

# Errors as a number, because alarms count numbers. A mock that is told to answer 500 logs none, nor does each call of a mock that Echo
# itself has to refuse.
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
