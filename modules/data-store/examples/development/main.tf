# A table that goes with its environment, and the right to look into it.

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
  description = "Policy for who may look into the table."
  value       = data.aws_iam_policy_document.look.json
}

output "store" {
  description = "For the task definition: ECHO_STORE."
  value       = "dynamodb:${module.data_store.table_name}"
}
