variable "keys" {
  description = "Management keys by name. `scopes`: `read` (list and show endpoints), `write` (create, change and delete endpoints) or `read+write`."
  type        = map(object({ scopes = string }))
  nullable    = false

  validation {
    condition     = length(var.keys) > 0
    error_message = "Write at least one key, such as { ci = { scopes = \"read+write\" } }: without a key, the service refuses to open management to the network."
  }

  validation {
    condition     = alltrue([for name in keys(var.keys) : can(regex("^[a-z0-9][a-z0-9._-]{0,63}$", name))])
    error_message = "Write key names of 1 to 64 lower-case letters, digits, \".\", \"_\" and \"-\", beginning with a letter or digit, such as \"ci\"."
  }

  validation {
    condition     = alltrue([for key in values(var.keys) : contains(["read", "write", "read+write"], key.scopes)])
    error_message = "Write the scopes of each key as \"read\", \"write\" or \"read+write\"."
  }
}

variable "name" {
  description = "Name of the environment, such as `echo-dev`: the prefix of each secret's name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "Write 3 to 20 lower-case letters, digits and hyphens, with a letter first and no hyphen last, such as \"echo-dev\"."
  }
}

variable "protect" {
  description = "Keep the deleted entries for 30 days, so that they can be restored. false deletes them at once and releases their name. Tokens are always deleted at once."
  type        = bool
  default     = true
  nullable    = false
}

variable "rotation" {
  description = "Raise the number to replace every token at once, for example after a leak. The README describes rotation without a gap."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.rotation >= 1 && floor(var.rotation) == var.rotation
    error_message = "Write the rotation as a whole number from 1. Raise the last value by one."
  }
}
