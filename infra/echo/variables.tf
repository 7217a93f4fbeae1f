variable "alarms" {
  description = <<-EOT
    Recipients and thresholds of alarms.

    - `emails`: addresses to notify. Each must confirm once.
    - `runbook_url`: URL of docs/runbook.md as your team reads it, without `#`. Alarms link to it.
    - `thresholds`: other values of single thresholds, by name. `modules/observability/thresholds.tf` has names, defaults and reasons.
    - `promql`: false omits alarms and widgets on the service's own metrics, for a region where CloudWatch does not answer PromQL.
    - `topic_arn`: instead of `emails`, ARN of an existing SNS topic. Its policy must let CloudWatch publish.
  EOT
  type = object({
    emails      = optional(set(string), [])
    topic_arn   = optional(string)
    runbook_url = string
    thresholds  = optional(map(number), {})
    promql      = optional(bool, true)
  })
  nullable = false

  validation {
    condition     = !var.protect || length(var.alarms.emails) > 0 || var.alarms.topic_arn != null
    error_message = "Alarms of a protected environment need a recipient: write at least one address into `alarms.emails` (`alarm_emails` in terraform.tfvars), or a topic into `alarms.topic_arn`."
  }

  validation {
    condition     = alltrue([for address in var.alarms.emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s.]+$", address))])
    error_message = "Write `alarms.emails` (`alarm_emails` in terraform.tfvars) as mail addresses, such as [\"operators@example.com\"]."
  }

  validation {
    condition     = can(regex("^https://[^#\\s]+$", var.alarms.runbook_url))
    error_message = "Write `alarms.runbook_url` (`runbook_url` in terraform.tfvars) as a URL that begins with https:// and has no #, such as \"https://github.com/octo-org/echo/blob/main/docs/runbook.md\"."
  }
}

variable "capacity" {
  description = <<-EOT
    Size and number of tasks.

    - `cpu`, `memory`: size of a task in units of 1/1024 vCPU and in MiB, a pair that Fargate offers.
    - `min`, `max`: limits of the number of tasks.
    - `spot_percent`: percentage of the tasks beyond the first on Spot, which costs about a third and may be interrupted. With 100, one further task in 101 runs on demand.
    - `requests_per_target`: target for scaling, in requests to mocks per task and minute. null: scale on CPU only.
    - `schedules`: other `min` and `max` at set times, with `cron` in AWS's six fields.
  EOT
  type = object({
    cpu                 = optional(number, 512)
    memory              = optional(number, 1024)
    min                 = number
    max                 = number
    spot_percent        = optional(number, 0)
    requests_per_target = optional(number)
    schedules = optional(map(object({
      cron     = string
      timezone = optional(string, "UTC")
      min      = number
      max      = number
    })), {})
  })
  nullable = false

  validation {
    condition     = contains(keys(local.fargate_memory), tostring(var.capacity.cpu))
    error_message = "Write `capacity.cpu` as one of Fargate's sizes: 256, 512, 1024, 2048, 4096, 8192 or 16384 units."
  }

  validation {
    condition     = contains(lookup(local.fargate_memory, tostring(var.capacity.cpu), [var.capacity.memory]), var.capacity.memory)
    error_message = "Write `capacity.memory` as a size that Fargate offers with ${var.capacity.cpu} units of `cpu`: ${join(", ", lookup(local.fargate_memory, tostring(var.capacity.cpu), []))} MiB."
  }

  validation {
    condition     = var.capacity.min >= 1 && var.capacity.max >= var.capacity.min && floor(var.capacity.min) == var.capacity.min && floor(var.capacity.max) == var.capacity.max
    error_message = "Write `capacity` with whole numbers, `min` of at least 1 and `max` of at least `min`. Nothing scales up from 0, because no task reports load; a schedule can switch the service off."
  }

  validation {
    condition     = var.capacity.spot_percent >= 0 && var.capacity.spot_percent <= 100 && floor(var.capacity.spot_percent) == var.capacity.spot_percent
    error_message = "Write `capacity.spot_percent` as a whole number from 0 to 100."
  }

  validation {
    condition     = var.capacity.requests_per_target == null || try(var.capacity.requests_per_target > 0, false)
    error_message = "Write `capacity.requests_per_target` as more than 0 requests per task and minute, or leave it out."
  }

  validation {
    condition     = alltrue([for name in keys(var.capacity.schedules) : can(regex("^[a-z][a-z0-9-]{0,30}$", name))])
    error_message = "Write names of `capacity.schedules` of up to 31 lower-case letters, digits and hyphens, such as \"evening\"."
  }

  validation {
    condition     = alltrue([for schedule in values(var.capacity.schedules) : can(regex("^[^ ?]+ [^ ?]+ (\\? [^ ?]+ [^ ?]+|[^ ?]+ [^ ?]+ \\?) [^ ?]+$", schedule.cron))])
    error_message = "Write `cron` of `capacity.schedules` as six fields with \"?\" for day of month or day of week, such as \"0 20 ? * MON-FRI *\" for each working day at 20:00, without \"cron()\"."
  }

  validation {
    condition     = alltrue([for schedule in values(var.capacity.schedules) : can(regex("^(UTC|[A-Z][A-Za-z_]+(/[A-Z][A-Za-z0-9_+-]+)+)$", schedule.timezone))])
    error_message = "Write `timezone` of `capacity.schedules` by its IANA name, such as \"Europe/Berlin\", or \"UTC\"."
  }

  validation {
    condition     = alltrue([for schedule in values(var.capacity.schedules) : schedule.min >= 0 && schedule.max >= schedule.min && floor(schedule.min) == schedule.min && floor(schedule.max) == schedule.max])
    error_message = "Write `min` and `max` of `capacity.schedules` as whole numbers of tasks from 0, with `max` not below `min`."
  }
}

variable "collector_image_url" {
  description = "Image of the OpenTelemetry collector (ADOT) in ECR, by digest, through the pull-through cache of `infra/account`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex(local.ecr_image, var.collector_image_url))
    error_message = "Write `collector_image_url` as an image in ECR by its digest, such as \"<account>.dkr.ecr.<region>.amazonaws.com/ecr-public/aws-observability/aws-otel-collector@sha256:<64 hexadecimal digits>\"."
  }

  validation {
    condition     = startswith(var.collector_image_url, local.registry) || !can(regex(local.ecr_image, var.collector_image_url))
    error_message = "Write `collector_image_url` as an image in this account's registry and region, ${local.registry}: tasks may pull from no other registry. Each registry has its own pull-through cache."
  }
}

variable "cpu_architecture" {
  description = "Architecture of both images. ARM64 costs a fifth less on Fargate."
  type        = string
  default     = "ARM64"
  nullable    = false

  validation {
    condition     = contains(["ARM64", "X86_64"], var.cpu_architecture)
    error_message = "Write `cpu_architecture` as \"ARM64\" or \"X86_64\"."
  }
}

variable "docker_image_url" {
  description = "Image of the service in ECR, by digest, so that the tested image runs. To roll back, apply the previous digest."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex(local.ecr_image, var.docker_image_url))
    error_message = "Write `docker_image_url` as an image in ECR by its digest, as the push prints it: \"<account>.dkr.ecr.<region>.amazonaws.com/echo-service@sha256:<64 hexadecimal digits>\". A tag can move, a digest cannot."
  }

  validation {
    condition     = startswith(var.docker_image_url, local.registry) || !can(regex(local.ecr_image, var.docker_image_url))
    error_message = "Write `docker_image_url` as an image in this account's registry and region, ${local.registry}: tasks may pull from no other registry. Push the image there."
  }
}

variable "environment" {
  description = "Name of this environment. All its resources are named `echo-<environment>`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,13}[a-z0-9]$", var.environment))
    error_message = "Write `environment` as 2 to 15 lower-case letters, digits and hyphens, such as \"dev\"."
  }
}

variable "iam" {
  description = <<-EOT
    Rules of the account for roles.

    - `permissions_boundary_arn`: ARN of the permissions boundary of all roles. Default: the boundary of `infra/account`. The pipeline's roles can create roles with `infra/account`'s boundary only.
    - `role_path`: IAM path of all roles.
  EOT
  type = object({
    permissions_boundary_arn = optional(string)
    role_path                = optional(string, "/")
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(regex("^/([!-.0-~]+/)*$", var.iam.role_path))
    error_message = "Write `iam.role_path` with a slash at both ends, such as \"/teams/echo/\"."
  }

  validation {
    condition     = var.iam.permissions_boundary_arn == null || can(regex("^arn:${local.partition}:iam::(aws|[0-9]{12}):policy/.+$", var.iam.permissions_boundary_arn))
    error_message = "Write `iam.permissions_boundary_arn` as the ARN of an IAM policy, such as \"arn:aws:iam::111122223333:policy/boundary\"."
  }
}

variable "keys" {
  description = <<-EOT
    Management keys. AWS generates the tokens; find them in Secrets Manager as `echo-<environment>/keys/<name>`.

    - `scopes`: `read`, `write` or `read+write`, by key name.
    - `rotation`: raise the number to replace all tokens.
  EOT
  type = object({
    scopes   = map(string)
    rotation = optional(number, 1)
  })
  default  = { scopes = { admin = "read+write" } }
  nullable = false

  validation {
    condition     = length(var.keys.scopes) > 0 && alltrue([for name in keys(var.keys.scopes) : can(regex("^[a-z0-9][a-z0-9._-]{0,63}$", name))])
    error_message = "Write at least one key into `keys.scopes`, such as { ci = \"read+write\" }: without a key, the service refuses to open management to the network. Names have 1 to 64 lower-case letters, digits, \".\", \"_\" and \"-\", beginning with a letter or digit."
  }

  validation {
    condition     = alltrue([for scopes in values(var.keys.scopes) : contains(["read", "write", "read+write"], scopes)])
    error_message = "Write the scopes of each key in `keys.scopes` as \"read\", \"write\" or \"read+write\"."
  }

  validation {
    condition     = var.keys.rotation >= 1 && floor(var.keys.rotation) == var.keys.rotation
    error_message = "Write `keys.rotation` as a whole number from 1. Raise the last value by one."
  }
}

variable "kms_key_arn" {
  description = "ARN of a KMS key of the environment's account and region for table, secrets, and logs (docs/deploying.md has its policy). null: AWS's own keys."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:${local.partition}:kms:${local.region}:${local.account}:key/.+$", var.kms_key_arn))
    error_message = "Write `kms_key_arn` as the ARN of a key in account ${local.account} and ${local.region}, with its id: \"arn:…:key/…\". An alias is not enough."
  }
}

variable "protect" {
  description = "Protect resources that cannot be created again: deletion protection of load balancer and table, the access logs' bucket while it contains logs, recovery of the keys' entries. Terraform refuses a destroy as a whole. Before a destroy, set this to false and apply."
  type        = bool
  nullable    = false
}

variable "retention" {
  description = <<-EOT
    Number of days to keep data.

    - `log_days`: logs of service, collector and firewall.
    - `flow_log_days`: flow logs of the VPC.
    - `access_log_days`: access logs of the load balancer.
    - `recovery_days`: the table's point-in-time recovery, 0 to 35. 0 switches recovery off.
  EOT
  type = object({
    log_days        = optional(number, 30)
    flow_log_days   = optional(number, 14)
    access_log_days = optional(number, 30)
    recovery_days   = optional(number, 35)
  })
  default  = {}
  nullable = false

  validation {
    condition     = !var.protect || var.retention.recovery_days > 0
    error_message = "A protected environment needs point-in-time recovery: write `retention.recovery_days` from 1 to 35."
  }

  validation {
    condition     = var.retention.recovery_days >= 0 && var.retention.recovery_days <= 35 && floor(var.retention.recovery_days) == var.retention.recovery_days
    error_message = "Write `retention.recovery_days` as a whole number from 0 to 35, where 0 switches recovery off."
  }

  validation {
    condition     = length(setsubtract([var.retention.log_days, var.retention.flow_log_days], local.cloudwatch_days)) == 0
    error_message = "Write `retention.log_days` and `retention.flow_log_days` as numbers of days that CloudWatch Logs offers: ${join(", ", local.cloudwatch_days)}."
  }

  validation {
    condition     = var.retention.access_log_days >= 1 && floor(var.retention.access_log_days) == var.retention.access_log_days
    error_message = "Write `retention.access_log_days` as a whole number from 1."
  }
}

variable "traces" {
  description = <<-EOT
    Traces of the service. AWS charges for each span.

    - `mock_ratio`: share of the calls of mocks with a trace, from 0 to 1. Echo chooses at random. Each management request has a trace. A ratio below 1 needs a running image of 2026-12-01 or later, so that a rollback starts.
  EOT
  type = object({
    mock_ratio = optional(number, 1)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.traces.mock_ratio >= 0 && var.traces.mock_ratio <= 1
    error_message = "Write a `traces.mock_ratio` from 0 to 1, for instance 0.01."
  }
}
