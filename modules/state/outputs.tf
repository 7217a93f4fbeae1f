output "bucket_arn" {
  description = "ARN of the bucket, for the roles that plan and apply."
  value       = aws_s3_bucket.main.arn
}

output "bucket_name" {
  description = "Name of the bucket, for each root's backend."
  value       = aws_s3_bucket.main.bucket
}
