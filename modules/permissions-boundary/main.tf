# The maximum rights of an environment's roles, even if their own policies allow more. Without a boundary, a role that
# may create roles could give a task any right in the account, and then use it.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  # From names, not from resources, so that a plan shows complete policies. IAM has no region.
  iam_arn = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}"
  arn = {
    for service in ["dynamodb", "ecr", "logs", "secretsmanager"] : service =>
    "arn:${data.aws_partition.current.partition}:${service}:${data.aws_region.current.region}:${data.aws_caller_identity.current.account_id}"
  }
  # The path of GitHub's roles (modules/github-oidc), which no apply role may change. Without GitHub the path is the
  # same: another path would replace the policies.
  path = "/github/"
}

resource "aws_iam_policy" "main" {
  for_each = var.environments

  name        = "${var.name}-boundary-${each.key}"
  path        = local.path
  description = "What roles of ${each.key} may have at most"
  policy      = data.aws_iam_policy_document.main[each.key].minified_json
}

data "aws_iam_policy_document" "main" {
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

  dynamic "statement" {
    for_each = [for environment, arn in var.kms_key_arns : arn if environment == each.key]

    content {
      sid       = "UseKey"
      actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
      resources = [statement.value]
    }
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
