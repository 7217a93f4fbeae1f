variable "gateway_prefix_list_ids" {
  description = "Id of the prefix list of each gateway endpoint (`s3` and `dynamodb`): where the service's images and its data are."
  type        = map(string)
  nullable    = false

  validation {
    condition     = toset(keys(var.gateway_prefix_list_ids)) == toset(["dynamodb", "s3"])
    error_message = "Write the prefix lists of both gateway endpoints, as { dynamodb = \"pl-…\", s3 = \"pl-…\" }: the service's data and the layers of its image come that way."
  }
}

variable "internet_egress" {
  description = "Let the service open HTTPS connections to any address. True where NAT is its way to AWS: AWS's own addresses are too many and change too often to be listed. False where interface endpoints are there."
  type        = bool
  nullable    = false
}

variable "management" {
  description = "Listener port of management, and the IPv4 networks that may reach it: those of the people and the CI that set mocks up."
  type        = object({ port = number, cidrs = set(string) })
  nullable    = false

  validation {
    condition     = length(var.management.cidrs) > 0 && alltrue([for cidr in var.management.cidrs : try(cidrhost(cidr, 0) == split("/", cidr)[0] && can(cidrnetmask(cidr)), false)])
    error_message = "Write at least one IPv4 network that may manage mocks, such as [\"203.0.113.0/24\"], each beginning at its first address."
  }

  validation {
    condition     = alltrue([for cidr in var.management.cidrs : try(tonumber(split("/", cidr)[1]) >= 8, true)])
    error_message = "Write the networks of those who manage mocks, none larger than a /8: management is not for the whole internet, not even with keys."
  }

  validation {
    condition     = var.management.port >= 1 && var.management.port <= 65535 && floor(var.management.port) == var.management.port
    error_message = "Write the management port as a whole number from 1 to 65535."
  }
}

variable "mocks" {
  description = "Listener port of the mocks, and the IPv4 networks that may call them: [\"0.0.0.0/0\"] for everybody."
  type        = object({ port = number, cidrs = set(string) })
  nullable    = false

  validation {
    condition     = length(var.mocks.cidrs) > 0 && alltrue([for cidr in var.mocks.cidrs : try(cidrhost(cidr, 0) == split("/", cidr)[0] && can(cidrnetmask(cidr)), false)])
    error_message = "Write at least one IPv4 network that may call mocks, such as [\"0.0.0.0/0\"] or [\"203.0.113.0/24\"], each beginning at its first address."
  }

  validation {
    condition     = var.mocks.port >= 1 && var.mocks.port <= 65535 && floor(var.mocks.port) == var.mocks.port
    error_message = "Write the port of the mocks as a whole number from 1 to 65535."
  }
}

variable "name" {
  description = "Name of the environment, such as `echo-dev`: the first part of each group's name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "Write a name of 3 to 20 lower-case letters, digits and hyphens that begins with a letter and does not end with a hyphen, such as \"echo-dev\"."
  }
}

variable "redirect_port" {
  description = "Port of plain HTTP, where the load balancer answers with a redirect to HTTPS; open to those who may call mocks. Null where there is none."
  type        = number
  default     = null

  validation {
    condition     = var.redirect_port == null ? true : var.redirect_port >= 1 && var.redirect_port <= 65535 && floor(var.redirect_port) == var.redirect_port
    error_message = "Write the port of the redirect as a whole number from 1 to 65535, such as 80, or null for none."
  }

  # Here, and not with the others: what is wrong with each of them is then told together.
  validation {
    condition     = length(distinct(compact([var.mocks.port, var.management.port, var.redirect_port]))) == (var.redirect_port == null ? 2 : 3)
    error_message = "Write different ports for mocks, management and the redirect. A mock may hold script, and must not share an origin with management."
  }
}

variable "service_ports" {
  description = "Ports on which a task listens."
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
