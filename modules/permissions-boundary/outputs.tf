output "arns" {
  description = "ARN of each environment's boundary, by environment."
  value       = { for environment in var.environments : environment => "${local.iam_arn}:policy${local.path}${var.name}-boundary-${environment}" }
}
