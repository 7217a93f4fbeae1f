variable "access" {
  description = <<-EOT
    Networks that reach the load balancer, as CIDRs.

    - `mocks_cidrs`: networks that call mocks.
    - `management_cidrs`: networks that create mocks; they also need a key. No default: name your networks.
  EOT
  type = object({
    mocks_cidrs      = optional(list(string), ["0.0.0.0/0"])
    management_cidrs = list(string)
  })
  nullable = false

  validation {
    condition     = alltrue([for cidr in concat(var.access.mocks_cidrs, var.access.management_cidrs) : can(cidrhost(cidr, 0))])
    error_message = "Write each network of `access` as a CIDR, such as \"203.0.113.0/24\"."
  }
}

variable "alarms" {
  description = <<-EOT
    Recipients and thresholds of alarms.

    - `emails`: addresses to notify. Each must confirm once.
    - `runbook_url`: URL of docs/runbook.md as your team reads it, without `#`. Alarms link to it.
    - `thresholds`: overrides of single thresholds of `modules/observability`.
    - `promql`: false omits alarms and widgets on the service's own metrics, for a region where CloudWatch does not answer PromQL.
  EOT
  type = object({
    emails      = optional(set(string), [])
    runbook_url = string
    thresholds  = optional(map(number), {})
    promql      = optional(bool, true)
  })
  nullable = false

  validation {
    condition     = !var.protect || length(var.alarms.emails) > 0
    error_message = "Alarms of a protected environment need a recipient: write at least one address into `alarms.emails`."
  }

  validation {
    condition     = length(setsubtract(keys(var.alarms.thresholds), local.threshold_names)) == 0
    error_message = "Write `alarms.thresholds` with names from modules/observability/README.md: ${join(", ", local.threshold_names)}."
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
    condition     = var.capacity.min >= 1 && var.capacity.max >= var.capacity.min && floor(var.capacity.min) == var.capacity.min && floor(var.capacity.max) == var.capacity.max
    error_message = "Write `capacity` with whole numbers, `min` of at least 1 and `max` of at least `min`."
  }

  validation {
    condition     = var.capacity.spot_percent >= 0 && var.capacity.spot_percent <= 100 && floor(var.capacity.spot_percent) == var.capacity.spot_percent
    error_message = "Write `capacity.spot_percent` as a whole number from 0 to 100."
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

variable "domain" {
  description = <<-EOT
    Domain name and certificate. null: plain HTTP under the load balancer's own name.

    - `name`: name under which clients reach Echo. Point a CNAME or alias record at the output `load_balancer`.
    - `certificate_arn`: ARN of the name's ACM certificate. Write the ARN literally: the plan must know which listeners exist, so apply a new certificate first.
  EOT
  type = object({
    name            = string
    certificate_arn = string
  })
  default = null

  validation {
    condition     = !var.protect || var.domain != null
    error_message = "A protected environment must not send keys over plain HTTP: write `domain` with a name and its certificate."
  }

  validation {
    condition     = var.domain == null ? true : var.domain.name != null && var.domain.certificate_arn != null
    error_message = "A domain needs a name and a certificate: write `domain = { name = \"…\", certificate_arn = \"…\" }`, or leave `domain` out for plain HTTP."
  }

  validation {
    condition     = try(startswith(var.domain.certificate_arn, "arn:${local.partition}:acm:${local.region}:"), true)
    error_message = "A load balancer accepts only a certificate of its own region: write `domain.certificate_arn` as the ARN of an ACM certificate in ${local.region}."
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
}

variable "network" {
  description = <<-EOT
    Network of the environment.

    - `cidr`: IPv4 network of the VPC, from /16 to /22.
    - `zones`: letters of two or more availability zones that offer all services in use (docs/deploying.md).
    - `nat`: route of tasks to the internet: `none` (no route; tasks reach AWS by interface endpoints), `single`, `per_az` or `regional`.
  EOT
  type = object({
    cidr  = string
    zones = set(string)
    nat   = string
  })
  nullable = false
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

variable "waf" {
  description = <<-EOT
    Web application firewall before the load balancer. Other defaults are in `modules/load-balancer`.

    - `enabled`: create the firewall.
    - `requests_per_5_minutes`: limit for one client address. Default: the maximum that `capacity` scales to.
    - `block_content`: refuse probable attacks instead of only counting.
    - `log_counted`: also log counted requests.
  EOT
  type = object({
    enabled                = bool
    requests_per_5_minutes = optional(number)
    block_content          = optional(bool)
    log_counted            = optional(bool)
  })
  default  = { enabled = false }
  nullable = false
}
