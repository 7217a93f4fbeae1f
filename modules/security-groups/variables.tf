variable "gateway_prefix_list_ids" {
  description = "Id of the prefix list of each gateway endpoint (`s3` and `dynamodb`), for the service's images and data."
  type        = map(string)
  nullable    = false

  validation {
    condition     = toset(keys(var.gateway_prefix_list_ids)) == toset(["dynamodb", "s3"])
    error_message = "Write the prefix lists of both gateway endpoints, as { dynamodb = \"pl-…\", s3 = \"pl-…\" }: the service reaches its data and the layers of its image through them."
  }
}

variable "internet_egress" {
  description = "Let the service open HTTPS connections to any address. true with NAT, because AWS's own addresses are too many and change too often for a list. false with interface endpoints."
  type        = bool
  nullable    = false
}

variable "management" {
  description = "Listener port of management, and the IPv4 networks that may reach it: the networks of people and CI that create mocks."
  type        = object({ port = number, cidrs = set(string) })
  nullable    = false

  validation {
    condition     = length(var.management.cidrs) > 0 && alltrue([for cidr in var.management.cidrs : try(cidrhost(cidr, 0) == split("/", cidr)[0] && can(cidrnetmask(cidr)), false)])
    error_message = "Write at least one IPv4 network for management, such as [\"203.0.113.0/24\"], and each network by its first address."
  }

  validation {
    condition     = alltrue([for cidr in var.management.cidrs : try(tonumber(split("/", cidr)[1]) >= 8, true)])
    error_message = "Write networks of /8 or smaller for management: management is not for the whole internet, not even with keys."
  }

  validation {
    condition     = var.management.port >= 1 && var.management.port <= 65535 && floor(var.management.port) == var.management.port
    error_message = "Write the management port as a whole number from 1 to 65535."
  }
}

variable "mocks" {
  description = "Listener port of the mocks, and the IPv4 networks that may call them. [\"0.0.0.0/0\"] admits all."
  type        = object({ port = number, cidrs = set(string) })
  nullable    = false

  validation {
    condition     = length(var.mocks.cidrs) > 0 && alltrue([for cidr in var.mocks.cidrs : try(cidrhost(cidr, 0) == split("/", cidr)[0] && can(cidrnetmask(cidr)), false)])
    error_message = "Write at least one IPv4 network for calls of mocks, such as [\"0.0.0.0/0\"] or [\"203.0.113.0/24\"], and each network by its first address."
  }

  validation {
    condition     = var.mocks.port >= 1 && var.mocks.port <= 65535 && floor(var.mocks.port) == var.mocks.port
    error_message = "Write the port of the mocks as a whole number from 1 to 65535."
  }
}

variable "name" {
  description = "Name of the environment, such as `echo-dev`: the prefix of each group's name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "Write 3 to 20 lower-case letters, digits and hyphens, with a letter first and no hyphen last, such as \"echo-dev\"."
  }
}

variable "redirect_port" {
  description = "Port of the redirect from HTTP to HTTPS, open to the networks of the mocks. null: no redirect."
  type        = number
  default     = null

  validation {
    condition     = var.redirect_port == null ? true : var.redirect_port >= 1 && var.redirect_port <= 65535 && floor(var.redirect_port) == var.redirect_port
    error_message = "Write the port of the redirect as a whole number from 1 to 65535, such as 80, or null for none."
  }

  # Placed here, so that errors of all three ports appear together.
  validation {
    condition     = length(distinct(compact([var.mocks.port, var.management.port, var.redirect_port]))) == (var.redirect_port == null ? 2 : 3)
    error_message = "Write different ports for mocks, management and the redirect. A mock may contain a script, which must not share an origin with management."
  }
}

variable "service_ports" {
  description = "Ports of a task."
  type        = object({ mocks = optional(number, 8080), management = optional(number, 8081) })
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for port in values(var.service_ports) : port >= 1 && port <= 65535 && floor(port) == port]) && var.service_ports.mocks != var.service_ports.management
    error_message = "Write two different ports of the service, whole numbers from 1 to 65535, such as { mocks = 8080, management = 8081 }."
  }
}

variable "vpc_id" {
  description = "Id of the VPC."
  type        = string
  nullable    = false
}
