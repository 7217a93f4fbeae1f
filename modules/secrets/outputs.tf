output "entries_secret_arn" {
  description = "ARN of the secret with the entries for `ECHO_KEYS`: the only one that the execution role has to read."
  value       = aws_secretsmanager_secret.entries.arn
}

output "entries_value_from" {
  description = "`valueFrom` of `ECHO_KEYS` in a container definition. It names the version, so that a change of the keys makes a new revision of the task definition, which is then rolled out."
  value       = "${aws_secretsmanager_secret.entries.arn}:::${aws_secretsmanager_secret_version.entries.version_id}"
}

output "token_secret_arns" {
  description = "ARN of the secret with the token, by key name: what people and CI are given the right to read."
  value       = { for name, secret in aws_secretsmanager_secret.token : name => secret.arn }
}
