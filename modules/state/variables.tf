variable "bucket_name" {
  description = "Name of the bucket. The name must be unique in all of AWS: include your account's number, for example."
  type        = string
  nullable    = false
}

variable "noncurrent_days" {
  description = "Number of days to keep overwritten and deleted states."
  type        = number
  default     = 90
  nullable    = false
}

variable "protect" {
  description = "Refuse to delete the bucket while it contains objects, including old versions."
  type        = bool
  default     = true
  nullable    = false
}
