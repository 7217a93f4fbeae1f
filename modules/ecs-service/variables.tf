variable "capacity" {
  description = <<-EOT
    Mix of capacity.

    - `on_demand_base`: the first tasks, which run on demand.
    - `spot_percent`: percentage of all further tasks on Spot. Spot costs about a third, and AWS may stop its tasks with two minutes' notice.
  EOT
  type = object({
    on_demand_base = optional(number, 1)
    spot_percent   = optional(number, 0)
  })
  default  = {}
  nullable = false
}

variable "collector" {
  description = <<-EOT
    The OpenTelemetry collector beside the service.

    - `image`: image by digest.
    - `config`: configuration as YAML. It must listen on loopback only.
  EOT
  type = object({
    image  = string
    config = string
  })
  nullable = false
}

variable "cpu" {
  description = "CPU of a task in units. 1024 units are one virtual CPU."
  type        = number
  nullable    = false
}

variable "cpu_architecture" {
  description = "Architecture of both images. ARM64 costs a fifth less."
  type        = string
  default     = "ARM64"
  nullable    = false
}

variable "desired_count" {
  description = "Number of tasks at the first apply. Afterwards autoscaling decides, and a change of this value has no effect."
  type        = number
  nullable    = false
}

variable "environment" {
  description = "Environment variables of the service: `ECHO_*` and `OTEL_*`. The collector receives OTLP on loopback, at the port in its config."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "execution_role_arn" {
  description = "ARN of ECS's role to pull images, read secrets and write logs."
  type        = string
  nullable    = false
}

variable "image" {
  description = "The service's image by digest. To roll back, apply the previous digest."
  type        = string
  nullable    = false
}

variable "log_group_names" {
  description = "Names of the log groups of the two containers."
  type = object({
    service   = string
    collector = string
  })
  nullable = false
}

variable "memory" {
  description = "Memory of a task in MiB. The collector uses up to 256 MiB of it."
  type        = number
  nullable    = false
}

variable "name" {
  description = "Name of the environment, such as `echo-dev`. Also the cluster's name. The service in the cluster is always `echo`."
  type        = string
  nullable    = false
}

variable "ports" {
  description = "Ports of the service: `mocks`, and `management` with health and documentation."
  type = object({
    mocks      = optional(number, 8080)
    management = optional(number, 8081)
  })
  default  = {}
  nullable = false
}

variable "protect" {
  description = "On a destroy, drain the service before deleting it. false deletes the service together with its tasks."
  type        = bool
  default     = true
  nullable    = false
}

variable "rollback_alarm_names" {
  description = "Names of the CloudWatch alarms that roll a deployment back. Any of them does."
  type        = set(string)
  nullable    = false
}

variable "secrets" {
  description = "Environment variables of the service with values from Secrets Manager or the Parameter Store: name to `valueFrom`."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "security_group_id" {
  description = "Id of the tasks' security group."
  type        = string
  nullable    = false
}

variable "stop_timeout_seconds" {
  description = "Seconds from SIGTERM until a task's service is killed. Longer than its shutdown delay and deadline together."
  type        = number
  default     = 60
  nullable    = false
}

variable "subnet_ids" {
  description = "Ids of the tasks' subnets, by zone letter."
  type        = map(string)
  nullable    = false
}

variable "target_group_arns" {
  description = "ARNs of the target groups for the tasks. Each must belong to a listener already: ECS refuses others."
  type = object({
    mocks      = string
    management = string
  })
  nullable = false
}

variable "task_role_arn" {
  description = "ARN of the role of both containers."
  type        = string
  nullable    = false
}
