# One table for everything: a single transaction writes an endpoint, its claim of verb and path, the log entry and the
# head version. The service reads all of them by these two keys.
resource "aws_dynamodb_table" "main" {
  #checkov:skip=CKV_AWS_119:`kms_key_arn` decides. AWS's own key is enough, because no other account reads the table; IAM decides the right to read
  name                        = var.name
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "PK"
  range_key                   = "SK"
  deletion_protection_enabled = var.protect

  attribute {
    name = "PK"
    type = "S"
  }

  attribute {
    name = "SK"
    type = "S"
  }

  # DynamoDB deletes expired entries of the change log, and the items of killed processes. Items without this attribute
  # stay.
  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  point_in_time_recovery {
    enabled                 = var.recovery_days > 0
    recovery_period_in_days = var.recovery_days > 0 ? var.recovery_days : null
  }

  # Use the account's key for DynamoDB, because CloudTrail records its use. AWS's default key would encrypt the table
  # without a record.
  server_side_encryption {
    enabled     = true
    kms_key_arn = var.kms_key_arn
  }
}
