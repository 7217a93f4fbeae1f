resource "aws_secretsmanager_secret" "token" {
  description             = "Changed"
  recovery_window_in_days = 7
}

resource "aws_secretsmanager_secret" "entries" {
  description             = "Changed"
  recovery_window_in_days = 7
}
