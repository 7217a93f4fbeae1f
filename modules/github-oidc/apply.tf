# An apply role may make the changes of infra/echo to resources with its environment's name. For resources with an id
# instead of a name, the tag `Environment` decides; each environment's provider sets the tag on all its resources.

resource "aws_iam_role" "apply" {
  for_each = var.environments

  # In a path of its own: below <name>-<environment> the role could change itself.
  name               = "${var.name}-apply-${each.key}"
  path               = "/github/"
  description        = "Applies ${each.key} for jobs of ${var.repository.owner}/${var.repository.name} in that environment"
  assume_role_policy = data.aws_iam_policy_document.trust["apply-${each.key}"].json
  # The longest duration of a deploying job: a job without rights halfway cannot even roll back.
  max_session_duration = 7200

  depends_on = [aws_iam_openid_connect_provider.main]
}

locals {
  apply_policies = merge([
    for environment in keys(var.environments) : {
      for topic, document in merge({
        read     = data.aws_iam_policy_document.read
        guard    = data.aws_iam_policy_document.guard[environment]
        state    = data.aws_iam_policy_document.state[environment]
        network  = data.aws_iam_policy_document.network[environment]
        service  = data.aws_iam_policy_document.service[environment]
        identity = data.aws_iam_policy_document.identity[environment]
        operate  = data.aws_iam_policy_document.operate[environment]
      }, contains(keys(local.shared), environment) ? { shared = data.aws_iam_policy_document.shared[environment] } : {}) : "${environment}-${topic}" => { environment = environment, topic = topic, json = document.minified_json }
    }
  ]...)
}

# Managed policies, because a role's inline policies are too short.
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

# Deny all access to resources with another environment's tag, whatever other statements allow. Resources for the whole
# account, such as images, have a tag of their own and can be read.
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
