variable "log_group_arns" {
  description = "ARNs of the containers' log groups, as in `aws_cloudwatch_log_group` (without `:*`)."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.log_group_arns) > 0 && alltrue([for arn in var.log_group_arns : can(regex("^arn:[^:*]+:logs:[^:*]+:[0-9]{12}:log-group:[^:*]+$", arn))])
    error_message = "Write the ARN of at least one log group, such as \"arn:aws:logs:eu-central-1:111122223333:log-group:/echo/echo-dev/service\", without \":*\" at the end."
  }
}

variable "name" {
  description = "Name of the environment, such as `echo-dev`: the prefix of the roles' names."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "Write 3 to 20 lower-case letters, digits and hyphens, with a letter first and no hyphen last, such as \"echo-dev\"."
  }
}

variable "permissions_boundary_arn" {
  description = "ARN of the permissions boundary of both roles, for accounts with a boundary. null: no boundary."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:[^:*]+:iam::([0-9]{12}|aws):policy/[^*]+$", var.permissions_boundary_arn))
    error_message = "Write the boundary as the ARN of a policy, such as \"arn:aws:iam::111122223333:policy/boundary\", or null."
  }
}

variable "pull_through_repository_arns" {
  description = "ARNs of the repositories that ECR fills from another registry. The first pull of a new image imports the image, with the execution role's rights. The repositories must exist."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.pull_through_repository_arns : can(regex("^arn:[^:*]+:ecr:[^:*]+:[0-9]{12}:repository/[^*]+$", arn))])
    error_message = "Write each as the ARN of one repository, such as \"arn:aws:ecr:eu-central-1:111122223333:repository/ecr-public/aws-observability/aws-otel-collector\"."
  }
}

variable "repository_arns" {
  description = "ARNs of the ECR repositories of the containers' images."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.repository_arns) > 0 && alltrue([for arn in var.repository_arns : can(regex("^arn:[^:*]+:ecr:[^:*]+:[0-9]{12}:repository/[^*]+$", arn))])
    error_message = "Write the ARN of at least one repository, such as \"arn:aws:ecr:eu-central-1:111122223333:repository/echo-service\"."
  }
}

variable "secret_arns" {
  description = "ARNs of the secrets in the task definition."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.secret_arns) > 0 && alltrue([for arn in var.secret_arns : can(regex("^arn:[^:*]+:secretsmanager:[^:*]+:[0-9]{12}:secret:[^:*]+$", arn))])
    error_message = "Write the ARN of at least one secret, such as \"arn:aws:secretsmanager:eu-central-1:111122223333:secret:echo-dev/key-entries-AbCdEf\", without JSON key or version."
  }
}

variable "table_arn" {
  description = "ARN of the DynamoDB table with the endpoints."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[^:*]+:dynamodb:[^:*]+:[0-9]{12}:table/[^*/]+$", var.table_arn))
    error_message = "Write the ARN of the table, such as \"arn:aws:dynamodb:eu-central-1:111122223333:table/echo-dev\"."
  }
}
