variable "alarm_emails" {
  description = "Addresses that get a mail when an alarm rings and when it is over. Each gets a mail first by which to confirm that it wants them."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for address in var.alarm_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s.]+$", address))])
    error_message = "Write mail addresses, such as \"operators@example.com\"."
  }
}

variable "certificate_arn" {
  description = "ARN of the load balancer's ACM certificate, for the alarm that it expires; null for none. Written out, not taken from a resource of the same apply, because it decides whether there is the alarm."
  type        = string
  default     = null
}

variable "cluster_name" {
  description = "Name of the ECS cluster. A name and not an output, because the service waits for the alarms that roll it back."
  type        = string
  nullable    = false
}

variable "environment" {
  description = "What the service's telemetry says of itself as `deployment.environment.name`, such as `dev`: two environments in one account are told apart by it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9-]+$", var.environment))
    error_message = "Write the environment in lower-case letters, digits and hyphens, such as \"dev\"."
  }
}

variable "kms_key_id" {
  description = "Key that encrypts alarms under way: its id, ARN or alias. Its policy has to let CloudWatch decrypt and make data keys: AWS's own key for SNS does not, and no alarm would arrive."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.kms_key_id) > 0 && var.kms_key_id != "alias/aws/sns"
    error_message = "Write a key of your own, such as \"alias/echo-alarms\", which infra/account makes: alarms can not publish with AWS's."
  }
}

variable "load_balancer_arn_suffix" {
  description = "The end of the load balancer's ARN by which CloudWatch knows it, such as `app/echo-dev/50dc6c495c0c9188`."
  type        = string
  nullable    = false
}

variable "log_retention_days" {
  description = "Days for which the logs of service and collector are kept."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "Write one of the numbers of days that CloudWatch offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, or 3 to 10 years as 1096, 1827, 2192, 2557, 2922, 3288, 3653."
  }
}

variable "name" {
  description = "Name of the environment, such as `echo-dev`: what all names here begin with."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "Write a name of 3 to 20 lower-case letters, digits and hyphens that begins with a letter and does not end with a hyphen, such as \"echo-dev\"."
  }
}

variable "promql" {
  description = "Whether CloudWatch answers PromQL in this region. Without it there are no alarms and no part of the dashboard on the service's own metrics."
  type        = bool
  default     = true
  nullable    = false
}

variable "runbook_url" {
  description = "Page that says what to do about each alarm, up to the `#`. Alarms link to the heading that is called like them."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^https://[^#\\s]+$", var.runbook_url))
    error_message = "Write the URL of the runbook, beginning with https:// and without #, such as \"https://github.com/octo-org/echo/blob/main/docs/runbook.md\"."
  }
}

variable "service_name" {
  description = "Name of the ECS service."
  type        = string
  nullable    = false
}

variable "table_name" {
  description = "Name of the DynamoDB table."
  type        = string
  nullable    = false
}

variable "target_group_arn_suffixes" {
  description = "The ends of the target groups' ARNs by which CloudWatch knows them, such as `targetgroup/echo-dev-mocks/73e2d6bc24d8a067`."
  type = object({
    management = string
    mocks      = string
  })
  nullable = false
}

variable "task_count_min" {
  description = "Fewest tasks that should ever run: with fewer, an alarm rings. The lowest minimum of autoscaling, that of its schedules included; 0 if a schedule switches the service off, and then neither no task nor silence is told of."
  type        = number
  nullable    = false

  validation {
    condition     = var.task_count_min >= 0 && floor(var.task_count_min) == var.task_count_min
    error_message = "Write the fewest tasks as a whole number from 0."
  }
}

variable "thresholds" {
  description = <<-EOT
    From where on an alarm rings.
    `certificate_days`: before it expires. ACM renews its own 60 days before, so that here it has failed to, or the certificate is one that it does not renew.
    `cpu_percent`: of what the tasks have, on average over 15 minutes. Autoscaling aims lower, so that it rings only where scaling has come to its end.
    `memory_percent`: as long. Each task holds all mocks, so that scaling does not help, and at 100 % a container is killed: it is time to give tasks more.
    `error_lines`: lines of level ERROR in 5 minutes. One request that failed is not worth a night's sleep; management that goes on failing writes more.
    `load_balancer_5xx`, `management_5xx`: answers in a minute, in 3 of 5 minutes. A rollout that is sound causes none.
    `mocks_faults`: 5xx answers of Echo itself to calls of mocks in 3 minutes, and that for 3 minutes.
    `mocks_p99_seconds`: a mock is answered from memory or by one read of the table, which takes milliseconds.
    `management_p99_seconds`: a change waits for the table's transaction.
    `telemetry_silent_minutes`: without any metric of the service. At least 10, because a new environment is silent until its first tasks run.
  EOT
  type = object({
    certificate_days         = optional(number, 30)
    cpu_percent              = optional(number, 85)
    error_lines              = optional(number, 5)
    load_balancer_5xx        = optional(number, 5)
    management_5xx           = optional(number, 5)
    management_p99_seconds   = optional(number, 2)
    memory_percent           = optional(number, 85)
    mocks_faults             = optional(number, 5)
    mocks_p99_seconds        = optional(number, 0.25)
    telemetry_silent_minutes = optional(number, 15)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for value in values(var.thresholds) : value >= 0])
    error_message = "Write thresholds that are not negative."
  }

  validation {
    condition     = var.thresholds.cpu_percent < 100 && var.thresholds.memory_percent < 100
    error_message = "Write cpu_percent and memory_percent below 100: an alarm at 100 never rings."
  }

  validation {
    condition     = var.thresholds.telemetry_silent_minutes >= 10
    error_message = "Write telemetry_silent_minutes as 10 or more: a new environment is silent until its first tasks run."
  }
}
