variable "cidr" {
  description = "IPv4 network of the VPC, from /16 to /22, such as `10.20.0.0/16`. The module divides it into sixteen equal subnets. A later change is not possible: leave room, and avoid the networks of peers."
  type        = string
  nullable    = false
}

variable "flow_log_retention_days" {
  description = "Number of days to keep flow logs. They contain clients' addresses, so keep them no longer than necessary."
  type        = number
  default     = 30
  nullable    = false
}

variable "ipv6" {
  description = "Give the VPC and its public subnets IPv6 networks, for a load balancer with IPv6 addresses. Private subnets have IPv4 only."
  type        = bool
  default     = false
  nullable    = false
}

variable "kms_key_arn" {
  description = "ARN of the KMS key for the flow logs. null: AWS's own key. The key's policy must let CloudWatch Logs of the region use it."
  type        = string
  default     = null
}

variable "name" {
  description = "Name of the environment, such as `echo-dev`: the prefix of all names here."
  type        = string
  nullable    = false
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
}

variable "permissions_boundary_arn" {
  description = "ARN of the permissions boundary of the flow logs' role, for accounts that require a boundary. null: no boundary."
  type        = string
  default     = null
}

variable "role_path" {
  description = "IAM path of the flow logs' role, such as `/teams/echo/`, for accounts with rules about paths."
  type        = string
  default     = "/"
  nullable    = false
}

variable "zones" {
  description = "Letters of the availability zones, such as [\"a\", \"b\"]. A letter keeps its subnets, so that zones can be added and removed one by one."
  type        = set(string)
  nullable    = false
}
