# The plan role reads configuration and states, but no data: no object of other buckets, no item of a table, no value of
# a secret, no line of a log. Any pull request from a branch of the repository has the rights of this role.

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

# No lock: a lock needs a right to write. A plan runs with -lock=false, and the following apply plans again or refuses.
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

# For the nightly check: find the running image in the collector's index of platforms. Without the rights to log in and
# to read layers, the role can pull nothing.
data "aws_iam_policy_document" "read_manifests" {
  statement {
    actions   = ["ecr:BatchGetImage"]
    resources = ["${local.arn.ecr}:repository/*"]
  }
}

# The provider's reads when it refreshes infra/echo and infra/account, and the vulnerabilities of the running image for
# the nightly check. An apply starts with these reads as well. Of other teams in the account the role sees networks,
# alarms and the like. It sees no place for secrets, such as an instance's start-up data. Rights that IAM can
# limit by name are for Echo's resources only.
data "aws_iam_policy_document" "read" {
  #checkov:skip=CKV_AWS_356:Most of these actions have no resource in IAM, and they read configuration, never content
  statement {
    sid = "HowThingsAreSetUp"
    actions = [
      "application-autoscaling:Describe*",
      "application-autoscaling:ListTagsForResource",
      "budgets:ListTagsForResource",
      "budgets:ViewBudget",
      "ce:ListCostAllocationTags",
      "cloudwatch:DescribeAlarms",
      "cloudwatch:ListTagsForResource",
      # Named one by one: other actions show the start-up data of instances.
      "ec2:DescribeAccountAttributes",
      "ec2:DescribeAddresses*",
      "ec2:DescribeAvailabilityZones",
      "ec2:DescribeCoipPools",
      "ec2:DescribeFlowLogs",
      "ec2:DescribeInternetGateways",
      "ec2:DescribeNatGateways",
      "ec2:DescribeNetworkAcls",
      "ec2:DescribeNetworkInterfaces",
      "ec2:DescribePrefixLists",
      "ec2:DescribeRouteTables",
      "ec2:DescribeSecurityGroup*",
      "ec2:DescribeSubnets",
      "ec2:DescribeVpc*",
      "ec2:GetSecurityGroupsForVpc",
      "ecr:DescribeImageScanFindings",
      "ecr:DescribeImages",
      "ecr:DescribePullThroughCacheRules",
      "ecr:DescribeRepositories",
      "ecr:GetLifecyclePolicy",
      "ecr:ListTagsForResource",
      # IAM has no resource for this action: the role reads the variables of another team's task definition by its name.
      "ecs:DescribeTaskDefinition",
      "elasticloadbalancing:Describe*",
      # ECR calls Inspector with the caller's rights, in accounts with Inspector.
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
      "sns:ListTagsForResource",
    ]
    resources = [
      "${local.arn.cloudformation}:stack/${var.name}-*",
      "arn:${local.partition}:cloudwatch::${local.account}:dashboard/${var.name}-*",
      "${local.arn.dynamodb}:table/${var.name}-*",
      "${local.arn.ecs}:cluster/${var.name}-*",
      "${local.arn.ecs}:service-deployment/${var.name}-*",
      "${local.arn.ecs}:service/${var.name}-*",
      "${local.arn.elasticloadbalancing}:loadbalancer/app/${var.name}-*",
      "${local.iam_arn}:oidc-provider/${local.issuer}",
      "${local.iam_arn}:policy/github/${var.name}-*",
      "${local.iam_arn}:role/${var.name}-*",
      "${local.iam_arn}:role/*/${var.name}-*",
      "${local.arn.secretsmanager}:secret:${var.name}-*",
      "${local.arn.sns}:${var.name}-*",
    ]
  }

  # A VPC of other owners may have no endpoint that shows its prefix list.
  dynamic "statement" {
    for_each = anytrue([for shared in values(local.shared) : shared.vpc_arn != null]) ? ["ec2:DescribeManagedPrefixLists"] : []

    content {
      sid       = "HowVpcsAreSetUp"
      actions   = [statement.value]
      resources = ["*"]
    }
  }

  dynamic "statement" {
    for_each = length(local.zones) > 0 ? [local.zones] : []

    content {
      sid       = "HowDomainsAreSetUp"
      actions   = ["acm:DescribeCertificate", "acm:ListTagsForCertificate", "route53:GetChange", "route53:GetHostedZone", "route53:ListResourceRecordSets", "route53:ListTagsForResource"]
      resources = concat(statement.value, ["${local.arn.acm}:certificate/*", "arn:${local.partition}:route53:::change/*"])
    }
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
