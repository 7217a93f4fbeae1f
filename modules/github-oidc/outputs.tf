output "apply_role_arns" {
  description = "ARN of each environment's apply role, by environment."
  value       = { for environment, role in aws_iam_role.apply : environment => role.arn }
}

output "plan_role_arn" {
  description = "ARN of the plan role, for pull requests and nightly jobs."
  value       = aws_iam_role.plan.arn
}

output "provider_arn" {
  description = "ARN of GitHub's identity provider, for the trust policies of other roles. An account has only one."
  value       = aws_iam_openid_connect_provider.main.arn
}

output "push_role_arn" {
  description = "ARN of the push role, for images."
  value       = aws_iam_role.push.arn
}
