variable "name" {
  description = "What is protected, as the refusal calls it, such as `echo-prod`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*$", var.name))
    error_message = "Write a name of lower-case letters, digits and hyphens that begins with a letter, such as \"echo-prod\"."
  }
}

variable "protect" {
  description = "Refuse to be destroyed. It has to be switched off and applied before a destroy."
  type        = bool
  default     = true
  nullable    = false
}
