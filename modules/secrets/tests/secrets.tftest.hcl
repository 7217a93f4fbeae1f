# Planned by the real provider, without AWS. stored_values.py beside this file tests the values that an apply stores.

provider "aws" {
  region                      = "eu-central-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
  skip_region_validation      = true
}

variables {
  name = "echo-test"
  keys = {
    ci     = { scopes = "read+write" }
    viewer = { scopes = "read" }
  }
}

run "defaults" {
  command = plan

  assert {
    condition     = { for key, secret in aws_secretsmanager_secret.token : key => secret.name } == { ci = "echo-test/keys/ci", viewer = "echo-test/keys/viewer" }
    error_message = "Each key needs a secret of its own, so that one person can be given one token."
  }
  assert {
    condition     = aws_secretsmanager_secret.entries.name == "echo-test/key-entries"
    error_message = "The entries must be in <name>/key-entries."
  }
  assert {
    condition     = aws_secretsmanager_secret.entries.recovery_window_in_days == 30 && alltrue([for secret in aws_secretsmanager_secret.token : secret.recovery_window_in_days == 0])
    error_message = "The entries must be kept for 30 days when deleted; tokens must be deleted at once, so that a removed key can be created again."
  }
  assert {
    condition = alltrue([
      for version in concat(values(aws_secretsmanager_secret_version.token), [aws_secretsmanager_secret_version.entries]) :
      version.secret_string == null && version.secret_binary == null && version.secret_string_wo == null
    ])
    error_message = "A secret's value is in the plan: it may be in secret_string_wo only."
  }
  assert {
    condition     = alltrue([for version in aws_secretsmanager_secret_version.token : version.secret_string_wo_version == 1])
    error_message = "The tokens must have the rotation as their version."
  }
}

run "rotated_and_unprotected" {
  command = plan

  variables {
    protect  = false
    rotation = 7
  }

  assert {
    condition     = alltrue([for version in aws_secretsmanager_secret_version.token : version.secret_string_wo_version == 7])
    error_message = "A raised rotation must replace every token."
  }
  assert {
    condition = alltrue([
      for secret in concat(values(aws_secretsmanager_secret.token), [aws_secretsmanager_secret.entries]) : secret.recovery_window_in_days == 0
    ])
    error_message = "Without protection a deleted secret's name must be free at once."
  }
}

run "example_team" {
  command = plan
  module {
    source = "./examples/team"
  }
}
