variable "bucket_name" {
  description = "Name of the bucket. Names are unique in all of AWS, so put something of your own into it, such as the account's number."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket_name))
    error_message = "Write a bucket name of 3 to 63 lower-case letters, digits and hyphens (no dots: TLS certificates do not cover them), such as \"echo-state-123456789012\"."
  }
}

variable "noncurrent_days" {
  description = "Days for which an overwritten or deleted state can be had back."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.noncurrent_days >= 1 && floor(var.noncurrent_days) == var.noncurrent_days
    error_message = "Write the days for old versions as a whole number from 1."
  }
}

variable "protect" {
  description = "Refuse to delete the bucket while it holds anything, old versions included."
  type        = bool
  default     = true
  nullable    = false
}
