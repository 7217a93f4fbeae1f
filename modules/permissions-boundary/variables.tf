variable "environments" {
  description = "Environments with a boundary, by name, such as `prod`. The boundary of an environment covers resources named `<name>-<environment>`, or with that name and a hyphen or a slash as prefix."
  type        = set(string)
  nullable    = false

  validation {
    condition     = alltrue([for environment in var.environments : can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", "${var.name}-${environment}"))])
    error_message = "Write environments of lower-case letters, digits and hyphens, such as \"prod\". Name, hyphen and environment together have at most 20 characters."
  }
}

variable "kms_key_arns" {
  description = "ARN of the KMS key of each environment's table, secrets and logs, by environment, if the key is not AWS's own."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "name" {
  description = "Prefix of the names of all environments and boundaries."
  type        = string
  default     = "echo"
  nullable    = false
}
