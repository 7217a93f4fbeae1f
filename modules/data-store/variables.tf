variable "name" {
  description = "Name of the environment, such as `echo-dev`. It is the table's name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "Write a name of 3 to 20 lower-case letters, digits and hyphens that begins with a letter and does not end with a hyphen, such as \"echo-dev\"."
  }
}

variable "protect" {
  description = "Refuse to delete the table. It has to be switched off and applied before a destroy."
  type        = bool
  default     = true
  nullable    = false
}

variable "recovery_days" {
  description = "Days back to which the table can be restored, to the second. 0 for not at all, where mocks are made anew by whoever needs them."
  type        = number
  default     = 35
  nullable    = false

  validation {
    condition     = var.recovery_days >= 0 && var.recovery_days <= 35 && floor(var.recovery_days) == var.recovery_days
    error_message = "Write the recovery days as a whole number from 0 to 35, where 0 switches recovery off."
  }
}
