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

variable "vpc_arns" {
  description = "ARN of an environment's VPC, by its name, once it is there: it narrows what the role that applies may do to security groups without a tag (modules/github-oidc)."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.vpc_arns), var.environments)) == 0
    error_message = "Write vpc_arns by names of `environments`, such as { dev = \"arn:aws:ec2:…:vpc/vpc-…\" }."
  }
}
