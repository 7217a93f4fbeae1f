variable "budget" {
  description = <<-EOT
    Budget of everything with the tag `Project` = `echo`, all environments together. null: no budget.

    - `usd_a_month`: the limit. AWS sends a mail at 80 % of it, and when it expects to reach it by the end of the month.
    - `emails`: recipients, at most ten.
    - `activate_tags`: make `Project` and `Environment` cost allocation tags. Set to false in an account of an organisation: only the organisation's management account may activate tags, and without the activation the budget stays at 0.
  EOT
  type = object({
    usd_a_month   = number
    emails        = set(string)
    activate_tags = optional(bool, true)
  })
  default = null

  validation {
    condition     = var.budget == null ? true : try(var.budget.usd_a_month > 0, false)
    error_message = "Write `budget.usd_a_month` as more than 0 US dollars, such as 500: docs/deploying.md has the cost of each environment."
  }

  validation {
    condition     = var.budget == null ? true : try(length(var.budget.emails) >= 1 && length(var.budget.emails) <= 10 && alltrue([for address in var.budget.emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s.]+$", address))]), false)
    error_message = "Write `budget.emails` as one to ten mail addresses, such as [\"operators@example.com\"]."
  }
}

variable "environments" {
  description = "Environments of the account, such as `dev`. Each has a boundary for its roles, and a role for GitHub's jobs. The state of each is at `<environment>/terraform.tfstate`."
  type        = set(string)
  nullable    = false
}

variable "protect" {
  description = "Refuse a destroy of this root, and the deletion of states and images. Before a destroy, set this to false and apply."
  type        = bool
  default     = true
  nullable    = false
}

variable "repository" {
  description = "The GitHub repository whose jobs plan and apply, with GitHub's numbers: `gh api repos/OWNER/NAME --jq '.owner.id, .id'`. null: no roles for GitHub."
  type = object({
    id       = string
    name     = string
    owner    = string
    owner_id = string
  })
}

variable "shared" {
  description = <<-EOT
    Resources of other owners that an environment uses, and the company's rules for its roles, by environment. Equal to the values of `infra/echo` in that environment.

    - `domain`: `name` and `zone_id` of `domain`.
    - `kms_key_arn`: the KMS key.
    - `permissions_boundary_arn`, `role_path`: values of `iam`.
    - `vpc_arn`: ARN of the VPC of `existing_network`.
  EOT
  type = map(object({
    domain                   = optional(object({ name = string, zone_id = string }))
    kms_key_arn              = optional(string)
    permissions_boundary_arn = optional(string)
    role_path                = optional(string, "/")
    vpc_arn                  = optional(string)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.shared), var.environments)) == 0
    error_message = "Write `shared` by names of `environments`, such as { prod = { kms_key_arn = \"arn:aws:kms:…\" } }."
  }
}

variable "state_bucket_name" {
  description = "Name of the bucket for the states of all roots. The name must be unique in all of AWS: include the account's number."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.state_bucket_name))
    error_message = "Write `state_bucket_name` as 3 to 63 lower-case letters, digits and hyphens (no dots: TLS certificates do not cover them), such as \"echo-state-123456789012\"."
  }
}

variable "vpc_arns" {
  description = "ARN of each environment's VPC, by environment, once the VPC exists. Limits the apply role's rights on security groups without a tag (modules/github-oidc)."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.vpc_arns), var.environments)) == 0
    error_message = "Write vpc_arns by names of `environments`, such as { dev = \"arn:aws:ec2:…:vpc/vpc-…\" }."
  }
}
