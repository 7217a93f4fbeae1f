# Planned with a mock provider: the real one asks AWS about a table even for a plan.

mock_provider "aws" {}

variables {
  name = "echo-test"
}

run "defaults" {
  command = plan

  assert {
    condition     = aws_dynamodb_table.main.name == "echo-test" && output.table_name == "echo-test"
    error_message = "The table must have the name of the environment."
  }
  assert {
    condition     = aws_dynamodb_table.main.hash_key == "PK" && aws_dynamodb_table.main.range_key == "SK"
    error_message = "The service reads by the keys PK and SK."
  }
  assert {
    condition     = { for key in aws_dynamodb_table.main.attribute : key.name => key.type } == { PK = "S", SK = "S" }
    error_message = "The keys must be strings, and the only keys."
  }
  assert {
    condition     = aws_dynamodb_table.main.billing_mode == "PAY_PER_REQUEST"
    error_message = "The table must be billed by request."
  }
  assert {
    condition     = one(aws_dynamodb_table.main.ttl).attribute_name == "expires_at" && one(aws_dynamodb_table.main.ttl).enabled
    error_message = "Items must expire by expires_at."
  }
  assert {
    condition     = one(aws_dynamodb_table.main.point_in_time_recovery).enabled && one(aws_dynamodb_table.main.point_in_time_recovery).recovery_period_in_days == 35
    error_message = "The table must be restorable to any second of the last 35 days."
  }
  assert {
    condition     = one(aws_dynamodb_table.main.server_side_encryption).enabled
    error_message = "The table must be encrypted with the account's key."
  }
  assert {
    condition     = aws_dynamodb_table.main.deletion_protection_enabled
    error_message = "A protected table must refuse to be deleted."
  }
}

run "unprotected" {
  command = plan

  variables {
    protect       = false
    recovery_days = 0
  }

  assert {
    condition     = !aws_dynamodb_table.main.deletion_protection_enabled
    error_message = "Without protection the table must be deletable."
  }
  assert {
    condition     = !one(aws_dynamodb_table.main.point_in_time_recovery).enabled
    error_message = "Without recovery days the paid recovery must be off."
  }
}

run "example_development" {
  command = plan
  module {
    source = "./examples/development"
  }

  assert {
    condition     = output.store == "dynamodb:echo-dev"
    error_message = "The example's output must be a valid store setting."
  }
}
