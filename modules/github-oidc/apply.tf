# Applying may do what infra/echo needs, to what is named after its environment. Where AWS gives things an id instead of a name,
# what counts is the tag `Environment`, which each environment's provider puts on all that it makes.

resource "aws_iam_role" "apply" {
  for_each = var.environments

  # In a path of its own: were it below <name>-<environment>, the role could change itself.
  name               = "${var.name}-apply-${each.key}"
  path               = "/github/"
  description        = "Applies ${each.key} for jobs of ${var.repository.owner}/${var.repository.name} in that environment"
  assume_role_policy = data.aws_iam_policy_document.trust["apply-${each.key}"].json
  # As long as a job that deploys may take: one whose rights end half-way can not even roll back.
  max_session_duration = 7200

  depends_on = [aws_iam_openid_connect_provider.main]
}

locals {
  apply_policies = merge([
    for environment in keys(var.environments) : {
      for topic, document in {
        read     = data.aws_iam_policy_document.read
        guard    = data.aws_iam_policy_document.guard[environment]
        state    = data.aws_iam_policy_document.state[environment]
        network  = data.aws_iam_policy_document.network[environment]
        service  = data.aws_iam_policy_document.service[environment]
        identity = data.aws_iam_policy_document.identity[environment]
        operate  = data.aws_iam_policy_document.operate[environment]
      } : "${environment}-${topic}" => { environment = environment, topic = topic, json = document.minified_json }
    }
  ]...)
}

# Managed policies, because what a role may have inline is too short for this.
resource "aws_iam_policy" "apply" {
  for_each = local.apply_policies

  name        = "${var.name}-apply-${each.key}"
  path        = "/github/"
  description = "What applying ${each.value.environment} may do: ${each.value.topic}"
  policy      = each.value.json
}

resource "aws_iam_role_policy_attachment" "apply" {
  for_each = local.apply_policies

  role       = aws_iam_role.apply[each.value.environment].name
  policy_arn = aws_iam_policy.apply[each.key].arn
}

# Whatever else is allowed: nothing that another environment has tagged as its own is touched. What the account has for all, such as
# images, has a tag too, and is read.
data "aws_iam_policy_document" "guard" {
  for_each = var.environments

  statement {
    sid       = "NotOfOtherEnvironments"
    effect    = "Deny"
    actions   = ["*"]
    resources = ["*"]

    condition {
      test     = "Null"
      variable = "aws:ResourceTag/Environment"
      values   = ["false"]
    }

    condition {
      test     = "StringNotEquals"
      variable = "aws:ResourceTag/Environment"
      values   = compact([each.key, local.account_tag])
    }
  }
}

data "aws_iam_policy_document" "state" {
  for_each = var.environments

  statement {
    sid       = "State"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${var.state_bucket_arn}/${each.value.state_key}"]
  }

  statement {
    sid       = "Lock"
    actions   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    resources = ["${var.state_bucket_arn}/${each.value.state_key}.tflock"]
  }
}
