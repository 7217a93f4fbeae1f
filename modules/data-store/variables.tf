variable "kms_key_arn" {
  description = "ARN of the KMS key for the table. null: AWS's own key. The service's role needs the right to decrypt with the key."
  type        = string
  default     = null
}

variable "name" {
  description = "Name of the environment, such as `echo-dev`. Also the table's name."
  type        = string
  nullable    = false
}

variable "protect" {
  description = "Refuse to delete the table. Before a destroy, set this to false and apply."
  type        = bool
  default     = true
  nullable    = false
}

variable "recovery_days" {
  description = "Number of days for point-in-time recovery: the table can be restored to any second in this period. 0 switches recovery off, for environments with mocks that their owners can create again."
  type        = number
  default     = 35
  nullable    = false
}
