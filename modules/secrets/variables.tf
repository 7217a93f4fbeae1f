variable "keys" {
  description = "Management keys by name. `scopes`: `read` (list and show endpoints), `write` (create, change and delete endpoints) or `read+write`."
  type        = map(object({ scopes = string }))
  nullable    = false
}

variable "kms_key_arn" {
  description = "ARN of the KMS key for the secrets. null: AWS's own key. Readers of a token need the right to decrypt with the key."
  type        = string
  default     = null
}

variable "name" {
  description = "Name of the environment, such as `echo-dev`: the prefix of each secret's name."
  type        = string
  nullable    = false
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
}
