output "entries_secret_arn" {
  description = "ARN of the secret with the entries for `ECHO_KEYS`. The execution role needs to read only this secret."
  value       = aws_secretsmanager_secret.entries.arn
}

output "entries_value_from" {
  description = "`valueFrom` of `ECHO_KEYS` in a container definition. Names the secret's version, so that a change of the keys creates a new revision of the task definition and a rollout."
  value       = "${aws_secretsmanager_secret.entries.arn}:::${aws_secretsmanager_secret_version.entries.version_id}"
}

output "token_secret_arns" {
  description = "ARN of the secret with each key's token, by key name. Grant people and CI the right to read it."
  value       = { for name, secret in aws_secretsmanager_secret.token : name => secret.arn }
}
