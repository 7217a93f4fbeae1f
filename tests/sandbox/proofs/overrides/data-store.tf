resource "aws_dynamodb_table" "main" {
  billing_mode   = "PROVISIONED"
  read_capacity  = 5
  write_capacity = 5

  ttl {
    attribute_name = "expires_at"
    enabled        = false
  }

  point_in_time_recovery {
    enabled                 = true
    recovery_period_in_days = 9
  }

  server_side_encryption {
    enabled = false
  }
}
