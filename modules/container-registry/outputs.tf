output "repository_arns" {
  description = "ARN of each repository, by its name, for the roles that push and pull images."
  value       = { for name, repository in aws_ecr_repository.main : name => repository.arn }
}

output "repository_urls" {
  description = "URL of each repository, by its name. Append `@sha256:<digest>` to name an image."
  value       = { for name, repository in aws_ecr_repository.main : name => repository.repository_url }
}
