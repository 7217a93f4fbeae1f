# One table for everything: an endpoint, its claim of verb and path, the log entry and the head version are written in one
# transaction, and the service reads them by these two keys alone.
resource "aws_dynamodb_table" "main" {
  #checkov:skip=CKV_AWS_119:AWS's own key is enough, because no other account reads the table; who may read is decided by IAM
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

  # Entries of the change log expire; what has no such attribute stays.
  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  point_in_time_recovery {
    enabled                 = var.recovery_days > 0
    recovery_period_in_days = var.recovery_days > 0 ? var.recovery_days : null
  }

  # By the account's key for DynamoDB, whose use CloudTrail records. The table would be encrypted without it too, but unseen.
  server_side_encryption {
    enabled = true
  }
}
