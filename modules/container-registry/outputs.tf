output "repository_arns" {
  description = "ARN of each repository by its name, for the roles that push and pull."
  value       = { for name, repository in aws_ecr_repository.main : name => repository.arn }
}

output "repository_urls" {
  description = "What images of each repository begin with, by its name: put `@sha256:<digest>` behind it."
  value       = { for name, repository in aws_ecr_repository.main : name => repository.repository_url }
}
