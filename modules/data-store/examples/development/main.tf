# A table that a destroy of its environment deletes, and a policy to read its items.

module "data_store" {
  source = "../../"

  name          = "echo-dev"
  recovery_days = 0
  protect       = false
}

data "aws_iam_policy_document" "look" {
  statement {
    actions   = ["dynamodb:GetItem", "dynamodb:Query"]
    resources = [module.data_store.table_arn]
  }
}

output "look_policy" {
  description = "Policy with the right to read the table's items."
  value       = data.aws_iam_policy_document.look.json
}

output "store" {
  description = "Value of ECHO_STORE in the task definition."
  value       = "dynamodb:${module.data_store.table_name}"
}
