# Two keys: CI creates mocks, a dashboard only reads them.

module "secrets" {
  source = "../../"

  name = "echo-dev"
  keys = {
    ci     = { scopes = "read+write" }
    viewer = { scopes = "read" }
  }
  protect = false
}

# CI's role may read CI's token and no other.
data "aws_iam_policy_document" "ci" {
  statement {
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [module.secrets.token_secret_arns["ci"]]
  }
}

output "ci_policy" {
  description = "Policy for the role of CI."
  value       = data.aws_iam_policy_document.ci.json
}

output "echo_keys" {
  description = "For the task definition: { name = \"ECHO_KEYS\", valueFrom = this }."
  value       = module.secrets.entries_value_from
}
