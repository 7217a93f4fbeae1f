variable "access" {
  description = <<-EOT
    Which networks reach the load balancer, as CIDRs. `mocks_cidrs`: who calls mocks. `management_cidrs`: who sets them
    up, with a key on top. There is no default for management: it must be said.
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
    Where alarms go and when they ring. `emails` get a mail for each (each address has to confirm once). `runbook_url` is
    the page that the alarms link to, up to the `#`: docs/runbook.md, where your people read it. `thresholds` overrides single thresholds of `modules/observability`.
    `promql = false` leaves out what asks for the service's own metrics, where CloudWatch does not answer PromQL in the region.
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
    error_message = "Alarms of a protected environment must reach somebody: write at least one address into `alarms.emails`."
  }

  validation {
    condition     = length(setsubtract(keys(var.alarms.thresholds), local.threshold_names)) == 0
    error_message = "Write `alarms.thresholds` by the names that modules/observability/README.md has: ${join(", ", local.threshold_names)}."
  }
}

variable "capacity" {
  description = <<-EOT
    How large a task is and how many there are. `cpu` in units of 1/1024 vCPU and `memory` in MiB: one of Fargate's pairs.
    `min` and `max` tasks; `requests_per_target` is the rate of requests a minute and task that is scaled to, null for CPU
    alone. `spot_percent` of all tasks but the first run on spare capacity (of 100, one in 101 does not), which costs about a third and can be
    taken back. `schedules` change `min` and `max` at set times, `cron` in AWS's six fields.
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
  description = "The OpenTelemetry collector's image in ECR, by digest: the ADOT collector, through the pull-through cache that `infra/account` makes."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex(local.ecr_image, var.collector_image_url))
    error_message = "Write `collector_image_url` as an image in ECR by its digest, such as \"<account>.dkr.ecr.<region>.amazonaws.com/ecr-public/aws-observability/aws-otel-collector@sha256:<64 hexadecimal digits>\"."
  }

  validation {
    condition     = startswith(var.collector_image_url, local.registry) || !can(regex(local.ecr_image, var.collector_image_url))
    error_message = "Write `collector_image_url` as an image in this account's registry and region, ${local.registry}: tasks may pull from no other. Each has its own pull-through cache."
  }
}

variable "cpu_architecture" {
  description = "What the images are built for. ARM64 costs a fifth less on Fargate."
  type        = string
  default     = "ARM64"
  nullable    = false

  validation {
    condition     = contains(["ARM64", "X86_64"], var.cpu_architecture)
    error_message = "Write `cpu_architecture` as \"ARM64\" or \"X86_64\"."
  }
}

variable "docker_image_url" {
  description = "The service's image in ECR, by digest: what runs is what was tested, and to roll back is to apply the digest before."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex(local.ecr_image, var.docker_image_url))
    error_message = "Write `docker_image_url` as an image in ECR by its digest, as the push prints it: \"<account>.dkr.ecr.<region>.amazonaws.com/echo-service@sha256:<64 hexadecimal digits>\". A tag can be moved, a digest can not."
  }

  validation {
    condition     = startswith(var.docker_image_url, local.registry) || !can(regex(local.ecr_image, var.docker_image_url))
    error_message = "Write `docker_image_url` as an image in this account's registry and region, ${local.registry}: tasks may pull from no other. Push it there."
  }
}

variable "domain" {
  description = <<-EOT
    The name under which clients reach Echo, and the ARN of the ACM certificate for it; point the name at the output
    `load_balancer` by a CNAME or alias record. null serves plain HTTP under the load balancer's own name. The ARN is written out:
    it decides what there is, so that a certificate made by the same apply has to be applied first.
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
    error_message = "A domain needs both: write `domain = { name = \"…\", certificate_arn = \"…\" }`, or leave `domain` out for plain HTTP."
  }

  validation {
    condition     = try(startswith(var.domain.certificate_arn, "arn:${local.partition}:acm:${local.region}:"), true)
    error_message = "A load balancer takes a certificate of its own region only: write `domain.certificate_arn` as the ARN of one that ACM has in ${local.region}."
  }
}

variable "environment" {
  description = "What this environment is called. Everything in it is named `echo-<environment>`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,13}[a-z0-9]$", var.environment))
    error_message = "Write `environment` as 2 to 15 lower-case letters, digits and hyphens, such as \"dev\"."
  }
}

variable "keys" {
  description = <<-EOT
    Management keys, by name, and what each may do: `read`, `write` or `read+write`. Their tokens are made in AWS and are
    found in Secrets Manager as `echo-<environment>/keys/<name>`. Raise `rotation` to replace all of them.
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
    `cidr` of the VPC, from /16 to /22. `zones`: the letters of the availability zones, two or more, of those that have what is used
    (docs/deploying.md). `nat`: how tasks reach
    the internet: `none` (they do not; AWS is reached by interface endpoints), `single`, `per_az` or `regional`.
  EOT
  type = object({
    cidr  = string
    zones = set(string)
    nat   = string
  })
  nullable = false
}

variable "protect" {
  description = "Whether what can not be made again is kept from being destroyed: deletion protection of load balancer and table, the access logs' bucket while there are any in it, recovery of the keys' entries. A destroy is refused as a whole, until this has been switched off and applied."
  type        = bool
  nullable    = false
}

variable "retention" {
  description = "For how many days what is kept: logs, flow logs, the load balancer's access logs, and the point in time to which the table can be restored (0 to 35; 0 switches that off)."
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
    error_message = "A protected environment must be able to go back in time: write `retention.recovery_days` from 1 to 35."
  }
}

variable "waf" {
  description = "Whether a web application firewall stands before the load balancer, how many requests one client address may send in five minutes (left out: as many as `capacity` is scaled to at most), whether what looks like an attack is refused, not only counted, and whether what is only counted is logged. Left out: what `modules/load-balancer` says."
  type = object({
    enabled                = bool
    requests_per_5_minutes = optional(number)
    block_content          = optional(bool)
    log_counted            = optional(bool)
  })
  default  = { enabled = false }
  nullable = false
}
