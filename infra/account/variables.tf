variable "environments" {
  description = "Environments that GitHub's jobs may apply, such as `dev`. Each has its state at `<environment>/terraform.tfstate`."
  type        = set(string)
  nullable    = false
}

variable "protect" {
  description = "Refuse to be destroyed, and to delete states and images. It has to be switched off and applied before a destroy."
  type        = bool
  default     = true
  nullable    = false
}

variable "repository" {
  description = "The GitHub repository that plans and applies, with GitHub's numbers: `gh api repos/OWNER/NAME --jq '.owner.id, .id'`."
  type = object({
    id       = string
    name     = string
    owner    = string
    owner_id = string
  })
  nullable = false
}

variable "state_bucket_name" {
  description = "Name of the bucket for the states of all roots. Unique in all of AWS: put the account's number into it."
  type        = string
  nullable    = false
}
