variable "kms_key_arns" {
  description = "ARNs of the KMS keys that encrypt secrets and table, if the keys are not AWS's own. Gives the execution role the right to decrypt secrets, and the task role the right to use the table, only by these services."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "log_group_arns" {
  description = "ARNs of the containers' log groups, as in `aws_cloudwatch_log_group` (without `:*`)."
  type        = set(string)
  nullable    = false
}

variable "name" {
  description = "Name of the environment, such as `echo-dev`: the prefix of the roles' names."
  type        = string
  nullable    = false
}

variable "permissions_boundary_arn" {
  description = "ARN of the permissions boundary of both roles, for accounts with a boundary. null: no boundary."
  type        = string
  default     = null
}

variable "pull_through_repository_arns" {
  description = "ARNs of the repositories that ECR fills from another registry. The first pull of a new image imports the image, with the execution role's rights. The repositories must exist."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "repository_arns" {
  description = "ARNs of the ECR repositories of the containers' images."
  type        = set(string)
  nullable    = false
}

variable "role_path" {
  description = "IAM path of both roles, such as `/teams/echo/`, for accounts with rules about paths."
  type        = string
  default     = "/"
  nullable    = false
}

variable "secret_arns" {
  description = "ARNs of the secrets in the task definition."
  type        = set(string)
  nullable    = false
}

variable "table_arn" {
  description = "ARN of the DynamoDB table with the endpoints."
  type        = string
  nullable    = false
}
