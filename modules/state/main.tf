resource "aws_s3_bucket" "main" {
  #checkov:skip=CKV_AWS_18:CloudTrail records reads and writes; a log bucket for a few objects would be another bucket to protect
  #checkov:skip=CKV_AWS_144:A state describes resources of the same region, and has no use without them
  #checkov:skip=CKV2_AWS_62:No process waits for changes of a state
  bucket        = var.bucket_name
  force_destroy = !var.protect
}

# Keeps each version of a state, to restore it after a faulty apply.
resource "aws_s3_bucket_versioning" "main" {
  bucket = aws_s3_bucket.main.id

  versioning_configuration {
    status = "Enabled"
  }
}

# Encrypt with the account's own key for S3. With a bucket key, because Terraform reads and writes often, and AWS bills
# each use of KMS.
resource "aws_s3_bucket_server_side_encryption_configuration" "main" {
  bucket = aws_s3_bucket.main.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm = "aws:kms"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "main" {
  bucket = aws_s3_bucket.main.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "main" {
  bucket = aws_s3_bucket.main.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "main" {
  bucket = aws_s3_bucket.main.id

  rule {
    id     = "old-versions"
    status = "Enabled"

    # All objects.
    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_days
    }

    # Delete markers of locks: one for each plan and apply.
    expiration {
      expired_object_delete_marker = true
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  # S3 accepts no rule for old versions before versioning is on.
  depends_on = [aws_s3_bucket_versioning.main]
}

data "aws_partition" "current" {}

locals {
  # From the name, not from the resource, so that a plan shows the policy before the bucket exists.
  bucket_arn = "arn:${data.aws_partition.current.partition}:s3:::${var.bucket_name}"
}

data "aws_iam_policy_document" "main" {
  statement {
    sid       = "OnlyByTls"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [local.bucket_arn, "${local.bucket_arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "main" {
  bucket = aws_s3_bucket.main.id
  policy = data.aws_iam_policy_document.main.json

  # S3 refuses two simultaneous changes of a bucket's policy.
  depends_on = [aws_s3_bucket_public_access_block.main]
}
