# A token is made, stored and hashed within one apply. All that passes between these resources is ephemeral or write-only:
# neither a token nor its hash is ever in a plan or in the state.

resource "aws_secretsmanager_secret" "token" {
  #checkov:skip=CKV_AWS_149:AWS's own key is enough, because no other account reads this; who may read is decided by IAM
  #checkov:skip=CKV2_AWS_57:`rotation` rotates, since a new token must reach the service by a new revision of its task definition
  for_each = var.keys

  name        = "${var.name}/keys/${each.key}"
  description = "Token of Echo's management key ${each.key} (${each.value.scopes})"
  # A key that is taken out is gone, and its name is free: AWS keeps the name of one that could be restored, and a key that is put
  # back under it would fail the apply for as long.
  recovery_window_in_days = 0
}

ephemeral "aws_secretsmanager_random_password" "token" {
  for_each = var.keys

  # Of 0-9a-z: 64 of 36 characters are 330 random bits, so that a plain SHA-256 of them can not be turned back.
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

# The entries are made of what was stored, not of what was generated. A key that is added leaves the tokens of the others as they
# are, and an apply that stopped halfway is mended by the next one.
ephemeral "aws_secretsmanager_secret_version" "token" {
  for_each = var.keys

  secret_id  = aws_secretsmanager_secret.token[each.key].id
  version_id = local.applying ? aws_secretsmanager_secret_version.token[each.key].version_id : ""
}

resource "aws_secretsmanager_secret" "entries" {
  #checkov:skip=CKV_AWS_149:AWS's own key is enough: hashes of 330 random bits give nothing away
  #checkov:skip=CKV2_AWS_57:It holds no secret of its own, only the hashes of the tokens that `rotation` renews
  name                    = "${var.name}/key-entries"
  description             = "What Echo takes in ECHO_KEYS: name, scopes and SHA-256 of each management key"
  recovery_window_in_days = var.protect ? 30 : 0
}

resource "aws_secretsmanager_secret_version" "entries" {
  secret_id = aws_secretsmanager_secret.entries.id
  secret_string_wo = join(",", [
    for name, key in var.keys :
    "${name}:${key.scopes}:${sha256(ephemeral.aws_secretsmanager_secret_version.token[name].secret_string)}"
  ])
  # A write-only value can not be compared. This number stands for it: names, scopes and the versions of the tokens decide it.
  secret_string_wo_version = parseint(substr(sha256(jsonencode([
    for name, key in var.keys : [name, key.scopes, aws_secretsmanager_secret_version.token[name].version_id]
  ])), 0, 8), 16)
}

locals {
  # True, but not known before an apply. What depends on it is left alone by a plan: whoever may only plan, such as CI for a pull
  # request, needs no right to read a token, and a plan needs no network.
  applying = timestamp() != ""
}
