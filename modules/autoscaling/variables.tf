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
}

variable "min" {
  description = "Minimum number of tasks outside the schedules. Two or more survive the loss of a zone."
  type        = number
  nullable    = false
}

variable "name" {
  description = "Name of the environment, such as `echo-dev`: the prefix of each policy's name."
  type        = string
  nullable    = false
}

variable "requests_per_target" {
  description = "Target for scaling: requests to mocks per task and minute. Reacts before CPU does; measure the capacity of a task first. null: scale on CPU only."
  type        = number
  default     = null
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
}

variable "target_group_arn_suffix" {
  description = "`arn_suffix` of the mocks' target group. Required with `requests_per_target`."
  type        = string
  default     = null
}
