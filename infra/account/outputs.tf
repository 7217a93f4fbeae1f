output "apply_role_arns" {
  description = "ARN of each environment's apply role, by environment. null without GitHub."
  value       = one(module.github[*].apply_role_arns)
}

output "collector_repository_url" {
  description = "URL of the collector's repository. Append `@sha256:<digest>`, and pull each new image once from outside AWS's private networks."
  value       = module.registry.repository_urls[local.collector]
}

output "plan_role_arn" {
  description = "ARN of the plan role, for pull requests and nightly jobs. null without GitHub."
  value       = one(module.github[*].plan_role_arn)
}

output "push_role_arn" {
  description = "ARN of the push role, for images built on main. null without GitHub."
  value       = one(module.github[*].push_role_arn)
}

output "service_repository_url" {
  description = "URL of the repository of Echo's images, for pushes and image names."
  value       = module.registry.repository_urls[local.service]
}

output "state_bucket_name" {
  description = "Name of the states' bucket, for each root's backend."
  value       = module.state.bucket_name
}

output "state_keys" {
  description = "Key of each environment's state in the bucket. The environment's role on GitHub may write only this key."
  value       = local.state_keys
}
