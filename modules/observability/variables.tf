variable "alarm_emails" {
  description = "Mail addresses to notify when an alarm rings and when it ends. Each address must confirm its subscription once."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for address in var.alarm_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s.]+$", address))])
    error_message = "Write mail addresses, such as \"operators@example.com\"."
  }
}

variable "certificate_arn" {
  description = "ARN of the load balancer's ACM certificate, for the alarm on its expiry. null: no alarm. Write the ARN literally, not from a resource of the same apply: the plan must know which alarms exist."
  type        = string
  default     = null
}

variable "cluster_name" {
  description = "Name of the ECS cluster. Write the name, not an output: the service waits for the alarms that roll it back."
  type        = string
  nullable    = false
}

variable "environment" {
  description = "Value of `deployment.environment.name` in the service's telemetry, such as `dev`. Distinguishes environments in one account."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9-]+$", var.environment))
    error_message = "Write the environment in lower-case letters, digits and hyphens, such as \"dev\"."
  }
}

variable "kms_key_id" {
  description = "Id, ARN or alias of the KMS key that encrypts alarms in transit. Its policy must let CloudWatch decrypt and generate data keys. AWS's own key for SNS has no such policy, and no alarm would arrive."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.kms_key_id) > 0 && var.kms_key_id != "alias/aws/sns"
    error_message = "Write a key of your own, such as \"alias/echo-alarms\" from infra/account: alarms cannot publish with AWS's key."
  }
}

variable "load_balancer_arn_suffix" {
  description = "The load balancer's name in CloudWatch metrics, the end of its ARN, such as `app/echo-dev/50dc6c495c0c9188`."
  type        = string
  nullable    = false
}

variable "log_retention_days" {
  description = "Number of days to keep the logs of service and collector."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "Write log_retention_days as a number of days that CloudWatch offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731; or 1096, 1827, 2192, 2557, 2922, 3288, 3653 for 3 to 10 years."
  }
}

variable "memory_share" {
  description = "The share of a task's memory that the service's container may use, from 0 to 1: `memory_share` of modules/ecs-service."
  type        = number
  nullable    = false

  validation {
    condition     = var.memory_share > 0 && var.memory_share <= 1
    error_message = "Write memory_share as a number above 0 and up to 1."
  }
}

variable "name" {
  description = "Name of the environment, such as `echo-dev`: the prefix of all names here."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "Write 3 to 20 lower-case letters, digits and hyphens, with a letter first and no hyphen last, such as \"echo-dev\"."
  }
}

variable "promql" {
  description = "Set to false for a region where CloudWatch does not answer PromQL. Omits the alarms and the parts of the dashboard on the service's own metrics."
  type        = bool
  default     = true
  nullable    = false
}

variable "runbook_url" {
  description = "URL of the runbook, without `#`. Each alarm links to the heading with its name."
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
  description = "The target groups' names in CloudWatch metrics, the ends of their ARNs, such as `targetgroup/echo-dev-mocks/73e2d6bc24d8a067`."
  type = object({
    management = string
    mocks      = string
  })
  nullable = false
}

variable "task_count_min" {
  description = "Minimum number of running tasks: an alarm rings below. Equal to the lowest minimum of autoscaling and its schedules. 0 if a schedule switches the service off: then neither missing tasks nor silence ring."
  type        = number
  nullable    = false

  validation {
    condition     = var.task_count_min >= 0 && floor(var.task_count_min) == var.task_count_min
    error_message = "Write the fewest tasks as a whole number from 0."
  }
}

variable "thresholds" {
  description = <<-EOT
    Thresholds of the alarms.

    - `certificate_days`: days until the certificate expires. ACM renews its own certificates 60 days before, so at 30 the renewal has failed, or ACM does not renew the certificate.
    - `cpu_percent`: average CPU of the tasks over 15 minutes. Above autoscaling's target, so the alarm rings only if scaling has reached its limit.
    - `memory_percent`: average memory of a task over 15 minutes, beyond half of the collector's share, in percent of the service's share. Scaling does not help, because each task holds all mocks. At 100 % ECS kills a container: give tasks more memory.
    - `error_lines`: lines of level ERROR in 5 minutes. A single failed request stays below; management with a lasting failure does not.
    - `load_balancer_5xx`, `management_5xx`: answers in a minute, in 3 of 5 minutes. A sound rollout causes none.
    - `mocks_faults`: Echo's own 5xx answers to calls of mocks in 3 minutes, for 3 minutes.
    - `mocks_memory_percent`: memory of all mocks, in percent of their limit, for 5 minutes. At 100 % Echo refuses new mocks with 507.
    - `mocks_p99_seconds`: time to answer a mock, from memory or by one read of the table. Both take milliseconds.
    - `management_p99_seconds`: time to answer management. A change waits for the table's transaction.
    - `telemetry_silent_minutes`: minutes without any metric of the service. At least 10, because a new environment is silent until its first tasks run.
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
    mocks_memory_percent     = optional(number, 80)
    mocks_p99_seconds        = optional(number, 0.25)
    telemetry_silent_minutes = optional(number, 15)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for value in values(var.thresholds) : value >= 0])
    error_message = "Write thresholds of 0 or more."
  }

  validation {
    condition     = max(var.thresholds.cpu_percent, var.thresholds.memory_percent, var.thresholds.mocks_memory_percent) < 100
    error_message = "Write cpu_percent, memory_percent and mocks_memory_percent below 100: an alarm at 100 never rings."
  }

  validation {
    condition     = var.thresholds.telemetry_silent_minutes >= 10
    error_message = "Write telemetry_silent_minutes as 10 or more: a new environment is silent until its first tasks run."
  }
}
