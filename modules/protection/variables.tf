variable "name" {
  description = "Name of the protected environment in the refusal, such as `echo-prod`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*$", var.name))
    error_message = "Write a name of lower-case letters, digits and hyphens that begins with a letter, such as \"echo-prod\"."
  }
}

variable "protect" {
  description = "Refuse a destroy. Before a destroy, set this to false and apply."
  type        = bool
  default     = true
  nullable    = false
}
