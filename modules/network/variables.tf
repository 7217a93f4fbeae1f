variable "cidr" {
  description = "IPv4 network of the VPC, from /16 to /22, such as `10.20.0.0/16`. The module divides it into sixteen equal subnets. A later change is not possible: leave room, and avoid the networks of peers."
  type        = string
  nullable    = false

  validation {
    # An address with bits behind the mask is a typing error, which AWS would correct silently.
    condition = try(
      can(cidrnetmask(var.cidr)) &&
      cidrhost(var.cidr, 0) == split("/", var.cidr)[0] &&
      contains(range(16, 23), tonumber(split("/", var.cidr)[1])),
      false
    )
    error_message = "Write an IPv4 network from /16 to /22 that begins at its first address, such as \"10.20.0.0/16\"."
  }
}

variable "flow_log_retention_days" {
  description = "Number of days to keep flow logs. They contain clients' addresses, so keep them no longer than necessary."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.flow_log_retention_days)
    error_message = "Write a number of days that CloudWatch Logs offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "name" {
  description = "Name of the environment, such as `echo-dev`: the prefix of all names here."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "Write 3 to 20 lower-case letters, digits and hyphens, with a letter first and no hyphen last, such as \"echo-dev\"."
  }
}

variable "nat" {
  description = <<-EOT
    Route of private subnets to the internet.

    - `none`: no route. Interface endpoints are required.
    - `single`: one NAT gateway in the zone with the first letter. Cheap, but all zones depend on that zone, and a new zone with an earlier letter takes the gateway over.
    - `per_az`: one NAT gateway in each zone.
    - `regional`: one NAT gateway that AWS spreads over the zones in use.
  EOT
  type        = string
  nullable    = false

  validation {
    condition     = contains(["none", "single", "per_az", "regional"], var.nat)
    error_message = "Write the NAT mode as \"none\", \"single\", \"per_az\" or \"regional\"."
  }
}

variable "permissions_boundary_arn" {
  description = "ARN of the permissions boundary of the flow logs' role, for accounts that require a boundary. null: no boundary."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:policy/.+$", var.permissions_boundary_arn))
    error_message = "Write the ARN of an IAM policy, such as \"arn:aws:iam::123456789012:policy/boundary\", or null for no boundary."
  }
}

variable "zones" {
  description = "Letters of the availability zones, such as [\"a\", \"b\"]. A letter keeps its subnets, so that zones can be added and removed one by one."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.zones) >= 2
    error_message = "Write at least two zones, such as [\"a\", \"b\"]: a load balancer needs two, and a single zone can fail."
  }

  validation {
    condition     = alltrue([for zone in var.zones : contains(["a", "b", "c", "d", "e", "f", "g", "h"], zone)])
    error_message = "Write each zone as a letter from \"a\" to \"h\", without the region: \"a\" for eu-central-1a."
  }
}
