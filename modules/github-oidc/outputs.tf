output "apply_role_arns" {
  description = "ARN of the role that applies, by environment."
  value       = { for environment, role in aws_iam_role.apply : environment => role.arn }
}

output "plan_role_arn" {
  description = "ARN of the role that plans, on pull requests and at night."
  value       = aws_iam_role.plan.arn
}

output "provider_arn" {
  description = "ARN of GitHub's identity provider, of which an account has one: what other roles for GitHub have to trust."
  value       = aws_iam_openid_connect_provider.main.arn
}

output "push_role_arn" {
  description = "ARN of the role that pushes images."
  value       = aws_iam_role.push.arn
}
