variable "name" {
  description = "Name of the environment, such as `echo-dev`. Also the table's name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "Write 3 to 20 lower-case letters, digits and hyphens, with a letter first and no hyphen last, such as \"echo-dev\"."
  }
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

  validation {
    condition     = var.recovery_days >= 0 && var.recovery_days <= 35 && floor(var.recovery_days) == var.recovery_days
    error_message = "Write the recovery days as a whole number from 0 to 35, where 0 switches recovery off."
  }
}
