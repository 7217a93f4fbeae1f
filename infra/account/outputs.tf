output "apply_role_arns" {
  description = "The role for jobs that apply, by environment."
  value       = module.github.apply_role_arns
}

output "collector_repository_url" {
  description = "What the collector's image begins with: put `@sha256:<digest>` behind it, and pull it once from outside of AWS's private networks."
  value       = module.registry.repository_urls[local.collector]
}

output "plan_role_arn" {
  description = "The role for jobs that plan, on pull requests and at night."
  value       = module.github.plan_role_arn
}

output "push_role_arn" {
  description = "The role for jobs that push images, on main."
  value       = module.github.push_role_arn
}

output "service_repository_url" {
  description = "Where images of the service are pushed to, and what their names begin with."
  value       = module.registry.repository_urls[local.service]
}

output "state_bucket_name" {
  description = "The bucket for each root's backend."
  value       = module.state.bucket_name
}

output "state_keys" {
  description = "Where each environment's state has to be in the bucket: its role may write there only."
  value       = local.state_keys
}
