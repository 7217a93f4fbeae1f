# A single apply creates, stores and hashes a token. All values pass between these resources as ephemeral or write-only
# values: neither a token nor its hash is ever in a plan or in the state.

resource "aws_secretsmanager_secret" "token" {
  #checkov:skip=CKV_AWS_149:`kms_key_arn` decides. AWS's own key is enough, because no other account reads the token; IAM decides the right to read
  #checkov:skip=CKV2_AWS_57:`rotation` rotates, because a new token must reach the service by a new revision of its task definition
  for_each = var.keys

  name        = "${var.name}/keys/${each.key}"
  description = "Token of Echo's management key ${each.key} (${each.value.scopes})"
  kms_key_id  = var.kms_key_arn
  # Delete a removed key at once: AWS reserves the name of a restorable secret, so an apply that creates the key again
  # would fail during that time.
  recovery_window_in_days = 0
}

ephemeral "aws_secretsmanager_random_password" "token" {
  for_each = var.keys

  # 64 characters of 0-9a-z are 330 random bits, so a plain SHA-256 of the token cannot be reversed.
  password_length     = local.applying ? 64 : 0
  exclude_uppercase   = true
  exclude_punctuation = true
}

resource "aws_secretsmanager_secret_version" "token" {
  for_each = var.keys

  secret_id                = aws_secretsmanager_secret.token[each.key].id
  secret_string_wo         = "echo_${ephemeral.aws_secretsmanager_random_password.token[each.key].random_password}"
  secret_string_wo_version = var.rotation
}

# Build the entries from stored tokens, not from generated ones. A new key leaves the other tokens unchanged, and the
# next apply completes an interrupted one.
ephemeral "aws_secretsmanager_secret_version" "token" {
  for_each = var.keys

  secret_id  = aws_secretsmanager_secret.token[each.key].id
  version_id = local.applying ? aws_secretsmanager_secret_version.token[each.key].version_id : ""
}

resource "aws_secretsmanager_secret" "entries" {
  #checkov:skip=CKV_AWS_149:`kms_key_arn` decides. AWS's own key is enough: hashes of 330 random bits reveal nothing
  #checkov:skip=CKV2_AWS_57:Contains no secret, only hashes of the tokens that `rotation` renews
  name                    = "${var.name}/key-entries"
  description             = "What Echo takes in ECHO_KEYS: name, scopes and SHA-256 of each management key"
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.protect ? 30 : 0
}

resource "aws_secretsmanager_secret_version" "entries" {
  secret_id = aws_secretsmanager_secret.entries.id
  secret_string_wo = join(",", [
    for name, key in var.keys :
    "${name}:${key.scopes}:${sha256(ephemeral.aws_secretsmanager_secret_version.token[name].secret_string)}"
  ])
  # Terraform cannot compare a write-only value. This number represents it: it changes with names, scopes and the
  # tokens' versions.
  secret_string_wo_version = parseint(substr(sha256(jsonencode([
    for name, key in var.keys : [name, key.scopes, aws_secretsmanager_secret_version.token[name].version_id]
  ])), 0, 8), 16)
}

locals {
  # True, but unknown before an apply, so a plan skips all values that depend on it. A plan thus needs no network and no
  # right to read a token: CI for a pull request has neither.
  applying = timestamp() != ""
}
