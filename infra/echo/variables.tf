variable "access" {
  description = <<-EOT
    Networks that reach the load balancer, as CIDRs.

    - `mocks_cidrs`: networks that call mocks.
    - `management_cidrs`: networks that create mocks; they also need a key. No default: name your networks.
    - `internal`: give the load balancer private addresses only, for clients in the VPC or with a route to it.
  EOT
  type = object({
    mocks_cidrs      = optional(list(string), ["0.0.0.0/0"])
    management_cidrs = list(string)
    internal         = optional(bool, false)
  })
  nullable = false

  validation {
    condition = alltrue([
      for cidrs in [var.access.mocks_cidrs, var.access.management_cidrs] :
      length(cidrs) > 0 && alltrue([for cidr in cidrs : try(cidrhost(cidr, 0) == split("/", cidr)[0] && can(cidrnetmask(cidr)), false)])
    ])
    error_message = "Write at least one IPv4 network into each list of `access`, and each network by its first address, such as [\"203.0.113.0/24\"]."
  }

  validation {
    condition     = alltrue([for cidr in var.access.management_cidrs : try(tonumber(split("/", cidr)[1]) >= 8, true)])
    error_message = "Write networks of /8 or smaller into `access.management_cidrs`: management is not for the whole internet, not even with keys."
  }
}

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

variable "domain" {
  description = <<-EOT
    Domain name and certificate. null: plain HTTP under the load balancer's own name.

    - `name`: name under which clients reach Echo.
    - `zone_id`: id of the public Route 53 zone of the name. Terraform creates the certificate and the records there.
    - `certificate_arn`: instead of `zone_id`, ARN of an ACM certificate for the name. Point a CNAME or alias record at the output `load_balancer`.
  EOT
  type = object({
    name            = string
    certificate_arn = optional(string)
    zone_id         = optional(string)
  })
  default = null

  validation {
    condition     = !var.protect || var.domain != null
    error_message = "A protected environment must not send keys over plain HTTP: write `domain` with a name and its zone or certificate."
  }

  validation {
    condition     = var.domain == null ? true : var.domain.name != null && (var.domain.certificate_arn == null) != (var.domain.zone_id == null)
    error_message = "A domain needs a name, and either its zone or a certificate: write `domain = { name = \"…\", zone_id = \"…\" }` or `{ name = \"…\", certificate_arn = \"…\" }`, or leave `domain` out for plain HTTP."
  }

  validation {
    condition     = try(can(regex("^arn:${local.partition}:acm:${local.region}:[0-9]{12}:certificate/.+$", var.domain.certificate_arn)) || var.domain.certificate_arn == null, true)
    error_message = "A load balancer accepts only a certificate of its own region: write `domain.certificate_arn` as the ARN of an ACM certificate in ${local.region}."
  }

  validation {
    condition     = try(can(regex("^[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)+$", var.domain.name)) || var.domain.name == null, true)
    error_message = "Write `domain.name` as a bare name such as \"echo.example.com\", without scheme or port."
  }

  validation {
    condition     = try(can(regex("^Z[A-Z0-9]{1,31}$", var.domain.zone_id)) || var.domain.zone_id == null, true)
    error_message = "Write `domain.zone_id` as the id of a Route 53 zone, such as \"Z0123456789ABCDEFGHIJ\", without \"/hostedzone/\"."
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

variable "existing_network" {
  description = <<-EOT
    Instead of `network`, a VPC of other owners. Several environments can be in one VPC.

    - `vpc_id`: id of the VPC.
    - `task_subnet_ids`: ids of private subnets for tasks, one in each of two or more zones.
    - `load_balancer_subnet_ids`: ids of subnets for the load balancer, one in each of two or more zones: public ones, or private ones with `access.internal`. Clients of Echo must have no addresses in them: the service trusts `X-Forwarded-For` from there.
    - `interface_endpoints`: create interface endpoints for the services that tasks use; the VPC needs gateway endpoints for DynamoDB and S3. false: tasks reach AWS by the VPC's NAT, transit gateway or endpoints. A VPC takes one interface endpoint for each service, so only one environment in it can create them.
  EOT
  type = object({
    vpc_id                   = string
    task_subnet_ids          = set(string)
    load_balancer_subnet_ids = set(string)
    interface_endpoints      = bool
  })
  default = null

  validation {
    condition     = (var.network == null) != (var.existing_network == null)
    error_message = "Write either `network` for a new VPC, or `existing_network` for a given one, and leave the other one out."
  }

  validation {
    condition     = can(regex("^vpc-[0-9a-f]{8,17}$", var.existing_network.vpc_id)) || var.existing_network == null
    error_message = "Write `existing_network.vpc_id` as the id of a VPC, such as \"vpc-0123456789abcdef0\"."
  }

  validation {
    condition     = alltrue([for id in try(setunion(var.existing_network.task_subnet_ids, var.existing_network.load_balancer_subnet_ids), []) : can(regex("^subnet-[0-9a-f]{8,17}$", id))])
    error_message = "Write subnets of `existing_network` as ids, such as \"subnet-0123456789abcdef0\"."
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

variable "network" {
  description = <<-EOT
    A new VPC for the environment.

    - `cidr`: IPv4 network of the VPC, from /16 to /22.
    - `zones`: letters of two or more availability zones that offer all services in use (docs/deploying.md).
    - `nat`: route of tasks to the internet: `none` (no route; tasks reach AWS by interface endpoints), `single`, `per_az` or `regional`.
  EOT
  type = object({
    cidr  = string
    zones = set(string)
    nat   = string
  })
  default = null

  validation {
    condition     = var.network == null ? true : try(can(cidrnetmask(var.network.cidr)) && cidrhost(var.network.cidr, 0) == split("/", var.network.cidr)[0] && contains(range(16, 23), tonumber(split("/", var.network.cidr)[1])), false)
    error_message = "Write `network.cidr` as an IPv4 network from /16 to /22 that begins at its first address, such as \"10.20.0.0/16\"."
  }

  validation {
    condition     = var.network == null ? true : length(var.network.zones) >= 2 && alltrue([for zone in var.network.zones : contains(["a", "b", "c", "d", "e", "f", "g", "h"], zone)])
    error_message = "Write at least two zones into `network.zones`, because a load balancer needs two and a single zone can fail. Write each as a letter from \"a\" to \"h\", without the region: \"a\" for eu-central-1a."
  }

  validation {
    condition     = var.network == null ? true : contains(["none", "single", "per_az", "regional"], var.network.nat)
    error_message = "Write `network.nat` as \"none\", \"single\", \"per_az\" or \"regional\"."
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

  validation {
    condition     = alltrue([for limit in [coalesce(var.waf.requests_per_5_minutes, local.requests_per_5_minutes, 10)] : limit >= 10 && limit <= 2000000000 && floor(limit) == limit])
    error_message = "Write `waf.requests_per_5_minutes` as a whole number from 10 to 2000000000, such as 3000000 for ten thousand a second. Left out, the limit is the maximum of requests that `capacity` scales to."
  }
}
