# Planning reads how things are set up, and the states. It reads no data: no object of a bucket but states, no item of a table, no
# value of a secret, no line of a log. Any pull request from a branch of the repository can do what this role can.

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
# vulnerable in the image that runs. Applying begins with it too. Of an account's other teams it shows networks, alarms and the like, and
# nothing that may hold a secret, as what instances are started with does: what AWS lets be told by its name is only Echo's.
data "aws_iam_policy_document" "read" {
  #checkov:skip=CKV_AWS_356:Most of these know no resource, and what is read is how things are set up, never what they hold
  statement {
    sid = "HowThingsAreSetUp"
    actions = [
      "application-autoscaling:Describe*",
      "application-autoscaling:ListTagsForResource",
      "cloudwatch:DescribeAlarms",
      "cloudwatch:ListTagsForResource",
      # One by one: others show what instances are started with.
      "ec2:DescribeAccountAttributes",
      "ec2:DescribeAddresses*",
      "ec2:DescribeAvailabilityZones",
      "ec2:DescribeCoipPools",
      "ec2:DescribeFlowLogs",
      "ec2:DescribeInternetGateways",
      "ec2:DescribeManagedPrefixLists",
      "ec2:DescribeNatGateways",
      "ec2:DescribeNetworkAcls",
      "ec2:DescribeNetworkInterfaces",
      "ec2:DescribePrefixLists",
      "ec2:DescribeRouteTables",
      "ec2:DescribeSecurityGroup*",
      "ec2:DescribeSubnets",
      "ec2:DescribeTags",
      "ec2:DescribeVpc*",
      "ec2:GetSecurityGroupsForVpc",
      "ecr:DescribeImageScanFindings",
      "ecr:DescribeImages",
      "ecr:DescribePullThroughCacheRules",
      "ecr:DescribeRepositories",
      "ecr:GetLifecyclePolicy",
      "ecr:ListTagsForResource",
      # AWS knows no resource for it: whoever knows the name of another team's task definition reads the variables in it.
      "ecs:DescribeTaskDefinition",
      "elasticloadbalancing:Describe*",
      # What ECR asks Inspector for in the caller's name, where the account has it.
      "inspector2:ListCoverage",
      "inspector2:ListFindings",
      "kms:DescribeKey",
      "kms:GetKeyPolicy",
      "kms:GetKeyRotationStatus",
      "kms:ListAliases",
      "kms:ListResourceTags",
      "logs:DescribeLogGroups",
      "logs:DescribeMetricFilters",
      "logs:DescribeResourcePolicies",
      "logs:ListTagsForResource",
      "sns:GetSubscriptionAttributes",
      "wafv2:GetLoggingConfiguration",
      "wafv2:GetWebACL",
      "wafv2:GetWebACLForResource",
      "wafv2:ListTagsForResource",
    ]
    resources = ["*"]
  }

  statement {
    sid = "HowEchoIsSetUp"
    actions = [
      "cloudformation:DescribeStack*",
      "cloudformation:GetTemplate",
      "cloudwatch:GetDashboard",
      "dynamodb:Describe*",
      "dynamodb:ListTagsOfResource",
      "ecs:Describe*",
      "ecs:List*",
      "elasticloadbalancing:GetLoadBalancerWebACL",
      "iam:GetOpenIDConnectProvider",
      "iam:GetPolicy",
      "iam:GetPolicyVersion",
      "iam:GetRole",
      "iam:GetRolePolicy",
      "iam:ListAttachedRolePolicies",
      "iam:ListRolePolicies",
      "secretsmanager:DescribeSecret",
      "secretsmanager:GetResourcePolicy",
      "secretsmanager:ListSecretVersionIds",
      "sns:GetTopicAttributes",
      "sns:ListSubscriptionsByTopic",
      "sns:ListTagsForResource",
    ]
    resources = [
      "${local.arn.cloudformation}:stack/${var.name}-*",
      "arn:${local.partition}:cloudwatch::${local.account}:dashboard/${var.name}-*",
      "${local.arn.dynamodb}:table/${var.name}-*",
      "${local.arn.ecs}:*/${var.name}-*",
      "${local.arn.elasticloadbalancing}:loadbalancer/app/${var.name}-*",
      "${local.iam_arn}:oidc-provider/${local.issuer}",
      "${local.iam_arn}:policy/github/${var.name}-*",
      "${local.iam_arn}:role/${var.name}-*",
      "${local.iam_arn}:role/github/${var.name}-*",
      "${local.arn.secretsmanager}:secret:${var.name}-*",
      "${local.arn.sns}:${var.name}-*",
    ]
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
