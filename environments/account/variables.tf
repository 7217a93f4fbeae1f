variable "repository" {
  description = "The GitHub repository whose jobs plan and apply, with GitHub's numbers: `gh api repos/OWNER/NAME --jq '.owner.id, .id'`. null: no roles for GitHub."
  type        = object({ id = string, name = string, owner = string, owner_id = string })
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
