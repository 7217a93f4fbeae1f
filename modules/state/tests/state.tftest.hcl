# Planned by the real provider, without AWS.

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
  bucket_name = "echo-state-test"
}

run "defaults" {
  command = plan

  assert {
    condition     = aws_s3_bucket.main.bucket == "echo-state-test" && !aws_s3_bucket.main.force_destroy
    error_message = "A protected bucket must keep its name, and refuse its deletion while it holds states."
  }
  assert {
    condition     = one(aws_s3_bucket_versioning.main.versioning_configuration).status == "Enabled"
    error_message = "Each version of a state must be kept."
  }
  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.main.rule).apply_server_side_encryption_by_default).sse_algorithm == "aws:kms"
    error_message = "States must be encrypted by KMS."
  }
  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.main.block_public_acls,
      aws_s3_bucket_public_access_block.main.block_public_policy,
      aws_s3_bucket_public_access_block.main.ignore_public_acls,
      aws_s3_bucket_public_access_block.main.restrict_public_buckets,
    ])
    error_message = "Nothing in the bucket may be public in any of the four ways."
  }
  assert {
    condition     = one(aws_s3_bucket_ownership_controls.main.rule).object_ownership == "BucketOwnerEnforced"
    error_message = "ACLs must have no effect."
  }
  assert {
    condition     = one(one(aws_s3_bucket_lifecycle_configuration.main.rule).noncurrent_version_expiration).noncurrent_days == 90
    error_message = "Old versions must be kept for 90 days."
  }
  assert {
    condition     = alltrue([for rule in aws_s3_bucket_lifecycle_configuration.main.rule : alltrue([for expiration in rule.expiration : coalesce(expiration.days, 0) == 0])])
    error_message = "A current state must never expire."
  }
  assert {
    condition = anytrue([
      for statement in jsondecode(aws_s3_bucket_policy.main.policy).Statement :
      statement.Effect == "Deny" && statement.Principal == "*" && statement.Action == "s3:*" &&
      toset(statement.Resource) == toset(["arn:aws:s3:::echo-state-test", "arn:aws:s3:::echo-state-test/*"]) &&
      statement.Condition == { Bool = { "aws:SecureTransport" = "false" } }
    ])
    error_message = "The bucket and all its objects must refuse requests without TLS."
  }
  assert {
    condition     = alltrue([for statement in jsondecode(aws_s3_bucket_policy.main.policy).Statement : statement.Effect == "Deny"])
    error_message = "The bucket's policy may grant no right: IAM grants them."
  }
}

run "unprotected" {
  command = plan

  variables {
    protect         = false
    noncurrent_days = 7
  }

  assert {
    condition     = aws_s3_bucket.main.force_destroy
    error_message = "Without protection the bucket must be deletable with all its objects."
  }
  assert {
    condition     = one(one(aws_s3_bucket_lifecycle_configuration.main.rule).noncurrent_version_expiration).noncurrent_days == 7
    error_message = "Old versions must be kept for the requested time."
  }
}

run "example_account" {
  command = plan
  module {
    source = "./examples/account"
  }

  assert {
    condition     = output.backend.bucket == "echo-state-123456789012"
    error_message = "The example must name its bucket."
  }
}
