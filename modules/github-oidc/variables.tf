variable "branch" {
  description = "Branch whose jobs push images, apply, and plan at night. Protect the branch: every merge is delivered."
  type        = string
  default     = "main"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9._/-]*$", var.branch))
    error_message = "Write the branch by its name, without a wildcard and without refs/heads, such as \"main\"."
  }
}

variable "environments" {
  description = <<-EOT
    GitHub environments whose jobs may apply, by name, such as `prod`. The role of an environment may change resources named `<name>-<environment>`, or with that name and a hyphen as prefix.

    - `boundary_arn`: ARN of the permissions boundary of the environment's roles. The role can create or change only roles with the boundary, and must have no right to change it.
    - `state_key`: key of the environment's state in the bucket.
    - `shared`: resources of other owners that the environment uses, and the path of its roles. `domain`: name and hosted zone; `kms_key_arn`: key for table, secrets and logs; `vpc_arn`: VPC of `existing_network`.
    - `vpc_arn`: ARN of the environment's own VPC. With it the role may empty and tag a security group without the tag `Environment` in that VPC only. Null before the VPC exists, and to replace the VPC.
  EOT
  type = map(object({
    boundary_arn = string
    state_key    = string
    vpc_arn      = optional(string)
    shared = optional(object({
      domain      = optional(object({ name = string, zone_id = string }))
      kms_key_arn = optional(string)
      role_path   = optional(string, "/")
      vpc_arn     = optional(string)
    }), {})
  }))
  nullable = false

  validation {
    condition     = length(var.environments) > 0
    error_message = "Write at least one environment, such as { dev = { boundary_arn = \"arn:aws:iam::111122223333:policy/github/echo-boundary-dev\", state_key = \"dev/terraform.tfstate\" } }."
  }

  validation {
    condition     = alltrue([for environment in keys(var.environments) : can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", "${var.name}-${environment}"))])
    error_message = "Write environments of lower-case letters, digits and hyphens, such as \"prod\". Name, hyphen and environment together have at most 20 characters."
  }

  validation {
    condition     = !anytrue([for one in keys(var.environments) : anytrue([for other in keys(var.environments) : startswith(other, "${one}-")])])
    error_message = "Write environments so that no name begins with another name and a hyphen: the role of \"dev\" would have rights in \"dev-two\"."
  }

  validation {
    condition     = !contains(keys(var.environments), local.account_tag)
    error_message = "Write other environments than the provider's tag `Environment` for the account's own resources: all roles may change resources with that tag."
  }

  validation {
    condition     = !anytrue([for environment in keys(var.environments) : startswith(var.state_bucket_arn, "arn:${local.partition}:s3:::${var.name}-${environment}-")])
    error_message = "Write environments that are no prefix of the name of the states' bucket: the role of \"state\" may empty buckets with names like echo-state-…"
  }

  validation {
    condition     = alltrue([for environment in values(var.environments) : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:policy/[A-Za-z0-9+=,.@_/-]+$", environment.boundary_arn))])
    error_message = "Write boundary_arn as the ARN of a policy, such as \"arn:aws:iam::111122223333:policy/github/echo-boundary-dev\"."
  }

  validation {
    condition     = alltrue([for arn in flatten([for environment in values(var.environments) : [environment.vpc_arn, environment.shared.vpc_arn]]) : arn == null || can(regex("^arn:[a-z-]+:ec2:[a-z0-9-]+:[0-9]{12}:vpc/vpc-[0-9a-f]+$", arn))])
    error_message = "Write vpc_arn as the ARN of a VPC, such as \"arn:aws:ec2:eu-central-1:111122223333:vpc/vpc-0123456789abcdef0\", or leave it out."
  }
}

variable "image_repository_arn" {
  description = "ARN of the ECR repository for Echo's images."
  type        = string
  nullable    = false
}

variable "name" {
  description = "Prefix of the names of all environments and roles."
  type        = string
  default     = "echo"
  nullable    = false
}

variable "repository" {
  description = "The GitHub repository whose jobs plan and apply. Includes GitHub's numbers, because GitHub never reuses a number, unlike a name: `gh api repos/OWNER/NAME --jq '.owner.id, .id'`."
  type = object({
    id       = string
    name     = string
    owner    = string
    owner_id = string
  })
  nullable = false

  validation {
    condition     = can(regex("^[0-9]+$", var.repository.id)) && can(regex("^[0-9]+$", var.repository.owner_id))
    error_message = "Write GitHub's numbers for id and owner_id, such as \"123456789\": gh api repos/OWNER/NAME --jq '.owner.id, .id' prints them."
  }

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9_-]*$", var.repository.owner)) && can(regex("^[A-Za-z0-9._-]+$", var.repository.name))
    error_message = "Write owner and name of the repository separately, as shown on GitHub and without a wildcard, such as owner = \"octo-org\", name = \"echo\"."
  }
}

variable "state_bucket_arn" {
  description = "ARN of the bucket with the states."
  type        = string
  nullable    = false
}
