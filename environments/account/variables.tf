variable "budget" {
  description = "Limit in US dollars a month and recipients of the budget: infra/account. null: no budget."
  type        = object({ usd_a_month = number, emails = set(string), activate_tags = optional(bool, true) })
  default     = null
}

variable "repository" {
  description = "The GitHub repository whose jobs plan and apply, with GitHub's numbers: `gh api repos/OWNER/NAME --jq '.owner.id, .id'`."
  type        = object({ id = string, name = string, owner = string, owner_id = string })
}

variable "state_bucket_name" {
  description = "Name of the bucket for all states, such as `echo-state-<account number>`."
  type        = string
}

variable "vpc_arns" {
  description = "ARN of each environment's VPC, by environment, once the VPC exists: docs/deploying.md."
  type        = map(string)
  default     = {}
}
