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

  validation {
    condition     = var.capacity.on_demand_base >= 0 && var.capacity.on_demand_base <= 100000 && floor(var.capacity.on_demand_base) == var.capacity.on_demand_base
    error_message = "Write on_demand_base as a whole number of tasks from 0 to 100000."
  }

  validation {
    condition     = var.capacity.spot_percent >= 0 && var.capacity.spot_percent <= 100 && floor(var.capacity.spot_percent) == var.capacity.spot_percent
    error_message = "Write spot_percent as a whole number from 0 (no Spot) to 100 (Spot for all but the base)."
  }
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

  validation {
    condition     = can(regex(local.image_by_digest, var.collector.image))
    error_message = "Write the collector's image by its digest and without a tag: REPOSITORY@sha256:DIGEST, with 64 hexadecimal digits."
  }

  validation {
    condition     = can(keys(yamldecode(var.collector.config)))
    error_message = "Write the collector's config as a YAML document, such as yamlencode returns."
  }
}

variable "cpu" {
  description = "CPU of a task in units. 1024 units are one virtual CPU."
  type        = number
  nullable    = false

  validation {
    condition     = contains(keys(local.fargate_memory), tostring(var.cpu))
    error_message = "Write cpu as one of Fargate's sizes: 256, 512, 1024, 2048, 4096, 8192 or 16384 units."
  }
}

variable "cpu_architecture" {
  description = "Architecture of both images. ARM64 costs a fifth less."
  type        = string
  default     = "ARM64"
  nullable    = false

  validation {
    condition     = contains(["ARM64", "X86_64"], var.cpu_architecture)
    error_message = "Write cpu_architecture as \"ARM64\" or \"X86_64\"."
  }
}

variable "desired_count" {
  description = "Number of tasks at the first apply. Afterwards autoscaling decides, and a change of this value has no effect."
  type        = number
  nullable    = false

  validation {
    condition     = var.desired_count >= 1 && floor(var.desired_count) == var.desired_count
    error_message = "Write desired_count as a whole number of tasks from 1: a deployment without tasks would count as a success."
  }
}

variable "environment" {
  description = "Environment variables of the service: `ECHO_*` and `OTEL_*`. The collector receives OTLP on loopback, at the port in its config."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.environment) : can(regex("^[A-Z][A-Z0-9_]*$", name))])
    error_message = "Write the names of environment variables in upper-case letters, digits and \"_\", such as \"ECHO_STORE\"."
  }
}

variable "execution_role_arn" {
  description = "ARN of ECS's role to pull images, read secrets and write logs."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex(local.role_arn, var.execution_role_arn))
    error_message = "Write execution_role_arn as a role's ARN, such as \"arn:aws:iam::111122223333:role/echo-dev-execution\"."
  }
}

variable "image" {
  description = "The service's image by digest. To roll back, apply the previous digest."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex(local.image_by_digest, var.image))
    error_message = "Write the image by its digest and without a tag: REPOSITORY@sha256:DIGEST, with 64 hexadecimal digits, as the push of the image prints it."
  }
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

  validation {
    condition     = contains(lookup(local.fargate_memory, tostring(var.cpu), []), var.memory)
    error_message = "Write memory as a size that Fargate offers with ${var.cpu} CPU units: ${join(", ", lookup(local.fargate_memory, tostring(var.cpu), []))} MiB."
  }
}

variable "name" {
  description = "Name of the environment, such as `echo-dev`. Also the cluster's name. The service in the cluster is always `echo`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "Write 3 to 20 lower-case letters, digits and hyphens, with a letter first and no hyphen last, such as \"echo-dev\"."
  }
}

variable "ports" {
  description = "Ports of the service: `mocks`, and `management` with health and documentation."
  type = object({
    mocks      = optional(number, 8080)
    management = optional(number, 8081)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for port in values(var.ports) : port >= 1024 && port <= 65535 && floor(port) == port])
    error_message = "Write ports as 1024 to 65535: the service has no right to listen on lower ports."
  }

  validation {
    condition     = var.ports.mocks != var.ports.management
    error_message = "Write different ports for mocks and management: each needs a listener of its own."
  }
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

  validation {
    condition     = length(var.rollback_alarm_names) > 0
    error_message = "Write the name of at least one alarm: only alarms notice tasks that start and answer wrongly."
  }
}

variable "secrets" {
  description = "Environment variables of the service with values from Secrets Manager or the Parameter Store: name to `valueFrom`."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for value in values(var.secrets) : can(regex("^arn:[^:]+:(secretsmanager|ssm):", value))])
    error_message = "Write each secret's ARN (for Secrets Manager followed by JSON key, stage and version, as \":::VERSION\"), and never a value."
  }

  validation {
    condition     = length(setintersection(keys(var.secrets), keys(var.environment))) == 0
    error_message = "Write each variable into environment or into secrets, not into both: ${join(", ", setintersection(keys(var.secrets), keys(var.environment)))}."
  }
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

  validation {
    condition     = var.stop_timeout_seconds >= 2 && var.stop_timeout_seconds <= 120 && floor(var.stop_timeout_seconds) == var.stop_timeout_seconds
    error_message = "Write stop_timeout_seconds as a whole number from 2 to 120: Fargate gives no more."
  }
}

variable "subnet_ids" {
  description = "Ids of the tasks' subnets, by zone letter."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "Write subnets of at least two zones, so that the service survives the loss of a zone."
  }
}

variable "target_group_arns" {
  description = "ARNs of the target groups for the tasks. Each must belong to a listener already: ECS refuses others."
  type = object({
    mocks      = string
    management = string
  })
  nullable = false

  validation {
    condition     = alltrue([for arn in values(var.target_group_arns) : can(regex("^arn:[^:]+:elasticloadbalancing:[^:]+:[0-9]{12}:targetgroup/.+$", arn))]) && var.target_group_arns.mocks != var.target_group_arns.management
    error_message = "Write the ARNs of two target groups, such as \"arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/echo-dev-mocks-8080/73e2d6bc24d8a067\"."
  }
}

variable "task_role_arn" {
  description = "ARN of the role of both containers."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex(local.role_arn, var.task_role_arn)) && var.task_role_arn != var.execution_role_arn
    error_message = "Write task_role_arn as the ARN of a role, such as \"arn:aws:iam::111122223333:role/echo-dev-task\". It must differ from execution_role_arn: containers must not read secrets and registries themselves."
  }
}
