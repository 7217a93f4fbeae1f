# The maximum rights of an environment's roles, whatever their own policies allow. Without a boundary, an apply role
# could give a task any right in the account, and then use it.

locals {
  boundary_arns = { for environment in keys(var.environments) : environment => "${local.iam_arn}:policy/github/${var.name}-boundary-${environment}" }
}

# In the roles' path, which no apply role may change.
resource "aws_iam_policy" "boundary" {
  for_each = var.environments

  name        = "${var.name}-boundary-${each.key}"
  path        = "/github/"
  description = "What roles of ${each.key} may have at most"
  policy      = data.aws_iam_policy_document.boundary[each.key].minified_json
}

data "aws_iam_policy_document" "boundary" {
  #checkov:skip=CKV_AWS_111:Three actions have no resource in IAM
  #checkov:skip=CKV_AWS_356:Three actions have no resource in IAM
  for_each = var.environments

  statement {
    sid       = "WhatTakesNoResource"
    actions   = ["cloudwatch:PutMetricData", "ecr:GetAuthorizationToken", "xray:PutTraceSegments"]
    resources = ["*"]
  }

  statement {
    sid       = "PullImages"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:BatchImportUpstreamImage", "ecr:GetDownloadUrlForLayer"]
    resources = ["${local.arn.ecr}:repository/*"]
  }

  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = ["${local.arn.logs}:log-group:/echo/${var.name}-${each.key}/*"]
  }

  statement {
    sid       = "ReadSecrets"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = ["${local.arn.secretsmanager}:secret:${var.name}-${each.key}/*"]
  }

  statement {
    sid = "UseTable"
    actions = [
      "dynamodb:DeleteItem",
      "dynamodb:DescribeTable",
      "dynamodb:DescribeTimeToLive",
      "dynamodb:GetItem",
      "dynamodb:PutItem",
      "dynamodb:Query",
      "dynamodb:UpdateItem",
    ]
    resources = ["${local.arn.dynamodb}:table/${var.name}-${each.key}"]
  }
}
