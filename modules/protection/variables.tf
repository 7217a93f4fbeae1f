variable "name" {
  description = "Name of the protected environment in the refusal, such as `echo-prod`."
  type        = string
  nullable    = false
}

variable "protect" {
  description = "Refuse a destroy. Before a destroy, set this to false and apply."
  type        = bool
  default     = true
  nullable    = false
}
