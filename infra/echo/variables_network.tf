variable "access" {
  description = <<-EOT
    Networks that reach the load balancer, as CIDRs.

    - `mocks_cidrs`: networks that call mocks.
    - `management_cidrs`: networks that create mocks; they also need a key. No default: name your networks.
    - `internal`: give the load balancer private addresses only, for clients in the VPC or with a route to it.
    - `ipv6`: give the load balancer IPv6 addresses, too. The lists may then have IPv6 networks; `mocks_cidrs` admits all by ["0.0.0.0/0", "::/0"].
  EOT
  type = object({
    mocks_cidrs      = optional(list(string), ["0.0.0.0/0"])
    management_cidrs = list(string)
    internal         = optional(bool, false)
    ipv6             = optional(bool, false)
  })
  nullable = false

  validation {
    condition = alltrue([
      for cidrs in [var.access.mocks_cidrs, var.access.management_cidrs] :
      length(cidrs) > 0 && alltrue([for cidr in cidrs : try(cidrhost(cidr, 0) == split("/", cidr)[0] && (var.access.ipv6 || can(cidrnetmask(cidr))), false)])
    ])
    error_message = "Write at least one network into each list of `access`, and each network by its first address, such as [\"203.0.113.0/24\"]. IPv6 networks need `access.ipv6`."
  }

  validation {
    condition     = alltrue([for cidr in var.access.management_cidrs : try(tonumber(split("/", cidr)[1]) >= (strcontains(cidr, ":") ? 16 : 8), true)])
    error_message = "Write networks of /8 or smaller into `access.management_cidrs`, with IPv6 /16 or smaller: management is not for the whole internet, not even with keys."
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

variable "existing_network" {
  description = <<-EOT
    Instead of `network`, a VPC of other owners. Several environments can be in one VPC.

    - `vpc_id`: id of the VPC.
    - `task_subnet_ids`: ids of private subnets for tasks, one in each of two or more zones.
    - `load_balancer_subnet_ids`: ids of subnets for the load balancer, one in each of two or more zones: public ones, or private ones with `access.internal`. Clients of Echo must have no addresses in them: the service trusts `X-Forwarded-For` from there.
    - `interface_endpoints`: create interface endpoints for the services that tasks use; the VPC needs gateway endpoints for DynamoDB and S3. false: tasks reach AWS by the VPC's NAT, transit gateway or endpoints. A VPC takes one interface endpoint for each service, so only one environment in it can create them, and the others use them.
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

  validation {
    condition     = !(var.access.ipv6 && var.access.internal && var.existing_network == null)
    error_message = "The private subnets of a new VPC have no IPv6 network: leave `access.ipv6` or `access.internal` out, or write subnets with IPv6 into `existing_network`."
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
