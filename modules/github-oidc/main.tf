# How GitHub's jobs become roles: GitHub signs a token that says which repository and environment a job is of, and AWS gives the
# role whose trust policy names exactly that. There is no key that could be stolen.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

# What the provider tags all that is made here with, and beside it.
data "aws_default_tags" "current" {}

locals {
  partition = data.aws_partition.current.partition
  account   = data.aws_caller_identity.current.account_id
  region    = data.aws_region.current.region

  account_tag = try(data.aws_default_tags.current.tags["Environment"], "")

  issuer = "token.actions.githubusercontent.com"
  # What `sub` of this repository's tokens begins with, in the form with numbers: a repository that is made anew under an old name
  # has others.
  subject = "repo:${var.repository.owner}@${var.repository.owner_id}/${var.repository.name}@${var.repository.id}"

  # Who may become which role. Equal to the letter: with a wildcard any branch or fork could be meant.
  branch = "refs/heads/${var.branch}"
  merged = "${local.subject}:ref:${local.branch}"
  deploy = "${var.repository.owner}/${var.repository.name}/.github/workflows/deploy.yml@${local.branch}"
  subjects = merge(
    # At night too, to find what has drifted.
    { plan = ["${local.subject}:pull_request", local.merged], push = [local.merged] },
    { for environment in keys(var.environments) : "apply-${environment}" => ["${local.subject}:environment:${environment}"] },
  )

  # From names, not from resources, so that a plan shows the policies whole. IAM and S3 have no region.
  arn = {
    for service in [
      "application-autoscaling", "cloudformation", "cloudwatch", "dynamodb", "ec2", "ecr", "ecs", "elasticloadbalancing", "logs",
      "secretsmanager", "sns", "wafv2",
    ] : service => "arn:${local.partition}:${service}:${local.region}:${local.account}"
  }
  iam_arn = "arn:${local.partition}:iam::${local.account}"
  s3_arn  = "arn:${local.partition}:s3::"
}

# AWS holds GitHub's certificate against public authorities, so that there is no thumbprint to keep up to date.
resource "aws_iam_openid_connect_provider" "main" {
  url            = "https://${local.issuer}"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_policy_document" "trust" {
  #checkov:skip=CKV_AWS_358:It does not see what each.value is; tests/sandbox/trust.py evaluates the documents, with tokens of others
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

    # What a job of an environment has for a subject does not say which branch it is of. GitHub's rules for the environment do; this
    # holds where they were forgotten. Nor which workflow: another one would leave out what deploy.yml asks first.
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
