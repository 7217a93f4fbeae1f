variable "budget" {
  description = "Limit in US dollars a month and recipients of the budget: infra/account. null: no budget."
  type        = object({ usd_a_month = number, emails = set(string), activate_tags = optional(bool, true) })
  default     = null
}

variable "repository" {
  description = "The GitHub repository whose jobs plan and apply, with GitHub's numbers: `gh api repos/OWNER/NAME --jq '.owner.id, .id'`. null: no roles for GitHub."
  type        = object({ id = string, name = string, owner = string, owner_id = string })
}

variable "shared" {
  description = "Resources of other owners that an environment uses, by environment: infra/account/variables.tf."
  type = map(object({
    domain                   = optional(object({ name = string, zone_id = string }))
    kms_key_arn              = optional(string)
    permissions_boundary_arn = optional(string)
    role_path                = optional(string, "/")
    vpc_arn                  = optional(string)
  }))
  default = {}
}

variable "state_bucket_name" {
  description = "Name of the bucket for all states, such as `echo-state-<account number>`."
  type        = string
}

variable "tags" {
  description = "Further tags of all resources, such as { CostCenter = \"4711\" }."
  type        = map(string)
  default     = {}
}

variable "vpc_arns" {
  description = "ARN of each environment's VPC, by environment, once the VPC exists: docs/deploying.md."
  type        = map(string)
  default     = {}
}
