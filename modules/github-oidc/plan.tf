# Planning reads how things are set up, and the states. It reads no data: no object of a bucket but states, no item of a table, no
# value of a secret, no line of a log. Any pull request of the repository can do what this role can.

resource "aws_iam_role" "plan" {
  name               = "${var.name}-plan"
  path               = "/github/"
  description        = "Plans on pull requests of ${var.repository.owner}/${var.repository.name}"
  assume_role_policy = data.aws_iam_policy_document.trust["plan"].json

  depends_on = [aws_iam_openid_connect_provider.main]
}

resource "aws_iam_role_policy" "plan" {
  for_each = {
    read      = data.aws_iam_policy_document.read.json
    manifests = data.aws_iam_policy_document.read_manifests.json
    state     = data.aws_iam_policy_document.read_states.json
  }

  name   = each.key
  role   = aws_iam_role.plan.id
  policy = each.value
}

# No lock: it would be a right to write. A plan runs with -lock=false, and the apply that follows plans again or refuses.
data "aws_iam_policy_document" "read_states" {
  statement {
    actions   = ["s3:ListBucket"]
    resources = [var.state_bucket_arn]
  }

  statement {
    actions   = ["s3:GetObject"]
    resources = ["${var.state_bucket_arn}/*"]
  }
}

# At night: which of a collector's images for several platforms runs. Without the right to log in or to get layers it can pull nothing.
data "aws_iam_policy_document" "read_manifests" {
  statement {
    actions   = ["ecr:BatchGetImage"]
    resources = ["${local.arn.ecr}:repository/*"]
  }
}

# What the provider asks when it refreshes, for the resources of infra/echo and infra/account; and at night, what is known to be
# vulnerable in the image that runs. Applying begins with it too.
data "aws_iam_policy_document" "read" {
  #checkov:skip=CKV_AWS_356:Most of these know no resource, and what is read is how things are set up, never what they hold
  statement {
    sid = "HowThingsAreSetUp"
    actions = [
      "application-autoscaling:Describe*",
      "application-autoscaling:ListTagsForResource",
      "cloudformation:DescribeStack*",
      "cloudformation:GetTemplate",
      "cloudwatch:DescribeAlarms",
      "cloudwatch:GetDashboard",
      "cloudwatch:ListTagsForResource",
      "dynamodb:Describe*",
      "dynamodb:ListTagsOfResource",
      "ec2:Describe*",
      "ec2:GetSecurityGroupsForVpc",
      "ecr:DescribeImageScanFindings",
      "ecr:DescribeImages",
      "ecr:DescribePullThroughCacheRules",
      "ecr:DescribeRepositories",
      "ecr:GetLifecyclePolicy",
      "ecr:ListTagsForResource",
      "ecs:Describe*",
      "ecs:List*",
      "elasticloadbalancing:Describe*",
      "iam:GetOpenIDConnectProvider",
      "iam:GetPolicy",
      "iam:GetPolicyVersion",
      "iam:GetRole",
      "iam:GetRolePolicy",
      "iam:ListAttachedRolePolicies",
      "iam:ListRolePolicies",
      "kms:DescribeKey",
      "kms:GetKeyPolicy",
      "kms:GetKeyRotationStatus",
      "kms:ListAliases",
      "kms:ListResourceTags",
      "logs:DescribeLogGroups",
      "logs:DescribeMetricFilters",
      "logs:DescribeResourcePolicies",
      "logs:ListTagsForResource",
      "secretsmanager:DescribeSecret",
      "secretsmanager:GetResourcePolicy",
      "secretsmanager:ListSecretVersionIds",
      "sns:GetSubscriptionAttributes",
      "sns:GetTopicAttributes",
      "sns:ListSubscriptionsByTopic",
      "sns:ListTagsForResource",
      "wafv2:GetLoggingConfiguration",
      "wafv2:GetWebACL",
      "wafv2:GetWebACLForResource",
      "wafv2:ListTagsForResource",
    ]
    resources = ["*"]
  }

  statement {
    sid = "HowBucketsAreSetUp"
    actions = [
      "s3:GetAccelerateConfiguration",
      "s3:GetBucket*",
      "s3:GetEncryptionConfiguration",
      "s3:GetLifecycleConfiguration",
      "s3:GetReplicationConfiguration",
      "s3:ListBucket",
      "s3:ListTagsForResource",
    ]
    resources = ["${local.s3_arn}:${var.name}-*", var.state_bucket_arn]
  }
}
