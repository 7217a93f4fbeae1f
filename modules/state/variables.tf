variable "bucket_name" {
  description = "Name of the bucket. The name must be unique in all of AWS: include your account's number, for example."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket_name))
    error_message = "Write a bucket name of 3 to 63 lower-case letters, digits and hyphens (no dots: TLS certificates do not cover them), such as \"echo-state-123456789012\"."
  }
}

variable "noncurrent_days" {
  description = "Number of days to keep overwritten and deleted states."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.noncurrent_days >= 1 && floor(var.noncurrent_days) == var.noncurrent_days
    error_message = "Write the days for old versions as a whole number from 1."
  }
}

variable "protect" {
  description = "Refuse to delete the bucket while it contains objects, including old versions."
  type        = bool
  default     = true
  nullable    = false
}
