variable "alarm_emails" {
  description = "Mail addresses to notify when an alarm rings and when it ends. Each address must confirm its subscription once."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "certificate" {
  description = "The load balancer's ACM certificate, for the alarm on its expiry. null: no alarm. An object, so that the plan knows which alarms exist before a new certificate has an ARN."
  type        = object({ arn = string })
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
}

variable "kms_key_id" {
  description = "Id, ARN or alias of the KMS key that encrypts alarms in transit, unless `topic_arn` is given. Its policy must let CloudWatch decrypt and generate data keys. AWS's own key for SNS has no such policy, and no alarm would arrive."
  type        = string
  nullable    = false
}

variable "load_balancer_arn_suffix" {
  description = "The load balancer's name in CloudWatch metrics, the end of its ARN, such as `app/echo-dev/50dc6c495c0c9188`."
  type        = string
  nullable    = false
}

variable "log_kms_key_arn" {
  description = "ARN of the KMS key for the logs of service and collector. null: AWS's own key. The key's policy must let CloudWatch Logs of the region use it."
  type        = string
  default     = null
}

variable "log_retention_days" {
  description = "Number of days to keep the logs of service and collector."
  type        = number
  default     = 30
  nullable    = false
}

variable "memory_share" {
  description = "The share of a task's memory that the service's container may use, from 0 to 1: `memory_share` of modules/ecs-service."
  type        = number
  nullable    = false
}

variable "name" {
  description = "Name of the environment, such as `echo-dev`: the prefix of all names here."
  type        = string
  nullable    = false
}

variable "other_log_group_names" {
  description = "Names of further log groups that grow with requests, such as flow logs and the firewall's log, by a word of small letters and underscores. The alarm on the volume of logs adds them to the module's own."
  type        = map(string)
  default     = {}
  nullable    = false
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
}

variable "thresholds" {
  description = "Other values of single thresholds, by name. `thresholds.tf` has names, defaults and reasons."
  type        = map(number)
  default     = {}
  nullable    = false

  # Here and not at the caller, because only this module knows the names.
  validation {
    condition     = length(setsubtract(keys(var.thresholds), keys(local.default_thresholds))) == 0
    error_message = "Write thresholds of alarms by these names: ${join(", ", keys(local.default_thresholds))}."
  }

  validation {
    condition     = alltrue([for value in values(var.thresholds) : try(value >= 0, false)])
    error_message = "Write thresholds of alarms as numbers from 0."
  }

  validation {
    condition     = alltrue([for name, value in var.thresholds : try(value < 100, true) if endswith(name, "_percent")])
    error_message = "Write cpu_percent, memory_percent, mocks_memory_percent and vcpu_quota_percent below 100: an alarm at 100 never rings."
  }

  validation {
    condition     = try(var.thresholds.telemetry_silent_minutes >= 10, true)
    error_message = "Write telemetry_silent_minutes as 10 or more: a new environment is silent until its first tasks run."
  }
}

variable "topic_arn" {
  description = "ARN of an existing topic for all alarms. Its policy, and its key's policy, must let CloudWatch publish. null: create a topic, with the subscriptions of `alarm_emails`."
  type        = string
  default     = null

  validation {
    condition     = var.topic_arn == null || length(var.alarm_emails) == 0
    error_message = "The owners of `topic_arn` decide who receives its alarms: leave `alarm_emails` empty, or leave `topic_arn` out."
  }
}
