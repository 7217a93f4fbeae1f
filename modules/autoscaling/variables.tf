variable "cluster_name" {
  description = "Name of the ECS cluster."
  type        = string
  nullable    = false
}

variable "load_balancer_arn_suffix" {
  description = "`arn_suffix` of the load balancer. Required with `requests_per_target`."
  type        = string
  default     = null
}

variable "max" {
  description = "Maximum number of tasks outside the schedules. Limits the cost of an attack or a mistake."
  type        = number
  nullable    = false

  validation {
    condition     = var.max >= var.min && floor(var.max) == var.max
    error_message = "Write max as a whole number of tasks, not below min (${var.min})."
  }
}

variable "min" {
  description = "Minimum number of tasks outside the schedules. Two or more survive the loss of a zone."
  type        = number
  nullable    = false

  validation {
    condition     = var.min >= 1 && floor(var.min) == var.min
    error_message = "Write min as a whole number of tasks from 1: nothing scales up from 0, because no task reports load. A schedule can switch the service off."
  }
}

variable "name" {
  description = "Name of the environment, such as `echo-dev`: the prefix of each policy's name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "Write 3 to 20 lower-case letters, digits and hyphens, with a letter first and no hyphen last, such as \"echo-dev\"."
  }
}

variable "requests_per_target" {
  description = "Target for scaling: requests to mocks per task and minute. Reacts before CPU does; measure the capacity of a task first. null: scale on CPU only."
  type        = number
  default     = null

  validation {
    condition     = var.requests_per_target == null || try(var.requests_per_target > 0, false)
    error_message = "Write requests_per_target as more than 0 requests per task and minute, or null."
  }

  validation {
    condition     = var.requests_per_target == null || (var.load_balancer_arn_suffix != null && var.target_group_arn_suffix != null)
    error_message = "Write load_balancer_arn_suffix and target_group_arn_suffix as well: requests_per_target is measured on that target group."
  }
}

variable "schedules" {
  description = <<-EOT
    New values for `min` and `max` at set times, by name. Each holds until the next schedule.

    - `cron`: AWS's six fields: minute, hour, day of month, month, day of week, year.
    - `timezone`: time zone of `cron`, such as `Europe/Berlin`. Follows daylight saving time.
    - `min`, `max`: limits from then on. `max = 0` switches the service off.
  EOT
  type = map(object({
    cron     = string
    timezone = optional(string, "UTC")
    min      = number
    max      = number
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.schedules) : can(regex("^[a-z][a-z0-9-]{0,30}$", name))])
    error_message = "Write schedule names of up to 31 lower-case letters, digits and hyphens, such as \"evening\"."
  }

  validation {
    condition     = alltrue([for schedule in values(var.schedules) : can(regex("^[^ ?]+ [^ ?]+ (\\? [^ ?]+ [^ ?]+|[^ ?]+ [^ ?]+ \\?) [^ ?]+$", schedule.cron))])
    error_message = "Write cron as six fields with \"?\" for day of month or day of week, such as \"0 20 ? * MON-FRI *\" for each working day at 20:00, without \"cron()\"."
  }

  validation {
    condition     = alltrue([for schedule in values(var.schedules) : can(regex("^(UTC|[A-Z][A-Za-z_]+(/[A-Z][A-Za-z0-9_+-]+)+)$", schedule.timezone))])
    error_message = "Write the time zone by its IANA name, such as \"Europe/Berlin\", or \"UTC\"."
  }

  validation {
    condition     = alltrue([for schedule in values(var.schedules) : schedule.min >= 0 && schedule.max >= schedule.min && floor(schedule.min) == schedule.min && floor(schedule.max) == schedule.max])
    error_message = "Write min and max of each schedule as whole numbers of tasks from 0, with max not below min."
  }
}

variable "service_name" {
  description = "Name of the ECS service in the cluster."
  type        = string
  nullable    = false
}

variable "target_cpu_percent" {
  description = "Target for scaling: average CPU of the tasks, in percent. The rest is a reserve for the minutes until a new task serves."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.target_cpu_percent >= 10 && var.target_cpu_percent <= 90
    error_message = "Write target_cpu_percent as 10 to 90: a higher target leaves no reserve until a new task has started."
  }
}

variable "target_group_arn_suffix" {
  description = "`arn_suffix` of the mocks' target group. Required with `requests_per_target`."
  type        = string
  default     = null
}
