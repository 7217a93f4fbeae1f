# How GitHub's jobs assume roles. GitHub signs a token with the job's repository and environment, and AWS admits the job
# to the role whose trust policy names exactly these. No stored key exists that could be stolen.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

# The default tags of the calling provider, on all resources here and in the calling root.
data "aws_default_tags" "current" {}

locals {
  partition = data.aws_partition.current.partition
  account   = data.aws_caller_identity.current.account_id
  region    = data.aws_region.current.region

  account_tag = try(data.aws_default_tags.current.tags["Environment"], "")

  issuer = "token.actions.githubusercontent.com"
  # The start of `sub` in this repository's tokens, in the form with numbers: a new repository under an old name has
  # other numbers.
  subject = "repo:${var.repository.owner}@${var.repository.owner_id}/${var.repository.name}@${var.repository.id}"

  # The subjects of each role, without a wildcard: a wildcard could admit any branch or fork.
  branch = "refs/heads/${var.branch}"
  merged = "${local.subject}:ref:${local.branch}"
  deploy = "${var.repository.owner}/${var.repository.name}/.github/workflows/deploy.yml@${local.branch}"
  subjects = merge(
    # The branch as well, for the nightly search for drift.
    { plan = ["${local.subject}:pull_request", local.merged], push = [local.merged] },
    { for environment in keys(var.environments) : "apply-${environment}" => ["${local.subject}:environment:${environment}"] },
  )

  # From names, not from resources, so that a plan shows complete policies. IAM and S3 have no region.
  arn = {
    for service in [
      "acm", "application-autoscaling", "cloudformation", "cloudwatch", "dynamodb", "ec2", "ecr", "ecs", "elasticloadbalancing", "logs",
      "secretsmanager", "sns", "wafv2",
    ] : service => "arn:${local.partition}:${service}:${local.region}:${local.account}"
  }
  iam_arn = "arn:${local.partition}:iam::${local.account}"
  s3_arn  = "arn:${local.partition}:s3::"
}

# AWS checks GitHub's certificate against public authorities, so no thumbprint needs care.
resource "aws_iam_openid_connect_provider" "main" {
  url            = "https://${local.issuer}"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_policy_document" "trust" {
  #checkov:skip=CKV_AWS_358:checkov cannot resolve each.value; tests/sandbox/proofs/trust.py evaluates the documents, with tokens of other repositories
  for_each = local.subjects

  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = ["${local.iam_arn}:oidc-provider/${local.issuer}"]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:sub"
      values   = each.value
    }

    # The subject of a job in an environment names neither branch nor workflow. GitHub's rules for the environment
    # restrict the branch; the first condition holds without such rules. The second one excludes workflows without the
    # checks of deploy.yml.
    dynamic "condition" {
      for_each = startswith(each.key, "apply-") ? { ref = local.branch, job_workflow_ref = local.deploy } : {}

      content {
        test     = "StringEquals"
        variable = "${local.issuer}:${condition.key}"
        values   = [condition.value]
      }
    }
  }
}
