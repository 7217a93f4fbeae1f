variable "endpoint_client_cidrs" {
  description = "IPv4 networks of other clients of the interface endpoints, for a shared VPC. Empty: only the service."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "gateway_prefix_list_ids" {
  description = "Id of the prefix list of each gateway endpoint (`s3` and `dynamodb`), for the service's images and data."
  type        = map(string)
  nullable    = false
}

variable "internet_egress" {
  description = "Let the service open HTTPS connections to any address. true with NAT, because AWS's own addresses are too many and change too often for a list. false with interface endpoints."
  type        = bool
  nullable    = false
}

variable "management" {
  description = "Listener port of management, and the networks that may reach it: the networks of people and CI that create mocks."
  type        = object({ port = number, cidrs = set(string) })
  nullable    = false

  validation {
    condition     = alltrue([for cidr in var.management.cidrs : try(tonumber(split("/", cidr)[1]) >= (strcontains(cidr, ":") ? 16 : 8), true)])
    error_message = "Write networks of /8 or smaller for management, with IPv6 /16 or smaller: management is not for the whole internet, not even with keys."
  }
}

variable "mocks" {
  description = "Listener port of the mocks, and the networks that may call them. [\"0.0.0.0/0\", \"::/0\"] admits all."
  type        = object({ port = number, cidrs = set(string) })
  nullable    = false
}

variable "name" {
  description = "Name of the environment, such as `echo-dev`: the prefix of each group's name."
  type        = string
  nullable    = false
}

variable "redirect_port" {
  description = "Port of the redirect from HTTP to HTTPS, open to the networks of the mocks. null: no redirect."
  type        = number
  default     = null
}

variable "service_ports" {
  description = "Ports of a task."
  type        = object({ mocks = optional(number, 8080), management = optional(number, 8081) })
  default     = {}
  nullable    = false
}

variable "vpc_id" {
  description = "Id of the VPC."
  type        = string
  nullable    = false
}
