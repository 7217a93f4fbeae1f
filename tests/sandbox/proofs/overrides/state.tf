resource "aws_s3_bucket_versioning" "main" {
  versioning_configuration {
    status = "Suspended"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "main" {
  rule {
    bucket_key_enabled = false

    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "main" {
  block_public_acls       = false
  block_public_policy     = false
  ignore_public_acls      = false
  restrict_public_buckets = false
}

resource "aws_s3_bucket_ownership_controls" "main" {
  rule {
    object_ownership = "BucketOwnerPreferred"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "main" {
  rule {
    id     = "changed"
    status = "Disabled"

    filter {
      prefix = "changed/"
    }

    noncurrent_version_expiration {
      noncurrent_days = 91
    }

    expiration {
      days = 400
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 8
    }
  }
}

resource "aws_s3_bucket_policy" "main" {
  policy = jsonencode(merge(jsondecode(data.aws_iam_policy_document.main.json), { Id = "changed" }))
}
