variable "keys" {
  description = "Management keys by name. `scopes` is what a key allows: `read` lists and shows endpoints, `write` creates, changes and deletes them."
  type        = map(object({ scopes = string }))
  nullable    = false

  validation {
    condition     = length(var.keys) > 0
    error_message = "Write at least one key, such as { ci = { scopes = \"read+write\" } }: without any, the service refuses to open its management to the network."
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
  description = "Name of the environment, such as `echo-dev`: the first part of each secret's name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "Write a name of 3 to 20 lower-case letters, digits and hyphens that begins with a letter and does not end with a hyphen, such as \"echo-dev\"."
  }
}

variable "protect" {
  description = "Keep the entries for 30 days when they are deleted, in which they can be restored. Without it they are gone at once, and their name is free, as those of tokens always are."
  type        = bool
  default     = true
  nullable    = false
}

variable "rotation" {
  description = "Raise it to replace every token at once, as after a leak. The README has the way without a gap."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.rotation >= 1 && floor(var.rotation) == var.rotation
    error_message = "Write the rotation as a whole number from 1, one more than the last."
  }
}
