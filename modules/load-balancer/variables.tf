variable "access_log_retention_days" {
  description = "Days for which access logs are kept. They hold addresses of clients and paths of mocks: no longer than they are needed."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.access_log_retention_days >= 1 && floor(var.access_log_retention_days) == var.access_log_retention_days
    error_message = "Write the days to keep access logs as a whole number from 1."
  }
}

variable "certificate_arn" {
  description = "ARN of the ACM certificate for `domain_name`, in the load balancer's region. Null is HTTP without encryption: keys then travel in the clear, which only a trial may bear. Written out, not taken from a resource of the same apply, because it decides what there is."
  type        = string
  default     = null

  validation {
    condition     = var.certificate_arn == null || can(regex("^arn:[a-z-]+:acm:[a-z0-9-]+:[0-9]{12}:certificate/.+$", var.certificate_arn))
    error_message = "Write the ARN of an ACM certificate, such as \"arn:aws:acm:eu-central-1:123456789012:certificate/…\", or null for HTTP."
  }
}

variable "deregistration_delay_seconds" {
  description = "How long a task that goes away may finish its requests before the load balancer cuts them off. As long as the service's shutdown delay (10 s) and deadline (20 s) together."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.deregistration_delay_seconds >= 0 && var.deregistration_delay_seconds <= 3600 && floor(var.deregistration_delay_seconds) == var.deregistration_delay_seconds
    error_message = "Write the deregistration delay in whole seconds, from 0 to 3600."
  }
}

variable "domain_name" {
  description = "Name under which clients reach the load balancer, for its URLs. The record that leads here is the caller's. Null is the load balancer's own name."
  type        = string
  default     = null

  validation {
    condition     = var.certificate_arn == null || var.domain_name != null
    error_message = "Write the domain_name that the certificate is for: clients would refuse it under the load balancer's own name."
  }

  validation {
    condition     = var.domain_name == null || can(regex("^[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)+$", var.domain_name))
    error_message = "Write the domain_name as a bare name such as \"echo.example.com\", without scheme or port."
  }
}

variable "health_check_path" {
  description = "Path on the management port that answers 200 while the task wants requests."
  type        = string
  default     = "/-/ready"
  nullable    = false

  validation {
    condition     = can(regex("^/[^ ]*$", var.health_check_path))
    error_message = "Write the path of the health check from its first slash, such as \"/-/ready\"."
  }
}

variable "idle_timeout_seconds" {
  description = "How long a connection may be silent. Shorter than the service's idle timeout (75 s), or else the service closes connections on which a request is under way, and clients see 502."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.idle_timeout_seconds >= 1 && var.idle_timeout_seconds <= 4000 && floor(var.idle_timeout_seconds) == var.idle_timeout_seconds
    error_message = "Write the idle timeout in whole seconds, from 1 to 4000."
  }
}

variable "management_port" {
  description = "Port of the listener for management, such as 8443 with a certificate."
  type        = number
  nullable    = false

  validation {
    condition     = var.management_port >= 1 && var.management_port <= 65535 && floor(var.management_port) == var.management_port
    error_message = "Write the management port as a whole number from 1 to 65535."
  }
}

variable "mocks_port" {
  description = "Port of the listener for mocks, such as 443 with a certificate."
  type        = number
  nullable    = false

  validation {
    condition     = var.mocks_port >= 1 && var.mocks_port <= 65535 && floor(var.mocks_port) == var.mocks_port
    error_message = "Write the port of the mocks as a whole number from 1 to 65535."
  }

  validation {
    condition     = var.mocks_port != var.management_port
    error_message = "Write different ports for mocks and management: a mock may hold script, and must not share an origin with management."
  }

  validation {
    condition     = var.certificate_arn == null || !contains([var.mocks_port, var.management_port], 80)
    error_message = "Write other ports than 80 where a certificate is given, such as 443 and 8443: port 80 is for the redirect to HTTPS."
  }
}

variable "name" {
  description = "Name of the environment, such as `echo-dev`: the load balancer's name, and the first part of all others."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "Write a name of 3 to 20 lower-case letters, digits and hyphens that begins with a letter and does not end with a hyphen, such as \"echo-dev\"."
  }
}

variable "protect" {
  description = "Refuse to delete the load balancer, and its logs while there are any. Apply false before a destroy."
  type        = bool
  default     = true
  nullable    = false
}

variable "security_group_id" {
  description = "Id of the security group that says who reaches which listener."
  type        = string
  nullable    = false
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

variable "subnet_ids" {
  description = "Id of a public subnet by zone letter."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "Write subnets of at least two zones, such as { a = \"subnet-…\", b = \"subnet-…\" }: AWS makes no load balancer in one."
  }
}

variable "vpc_id" {
  description = "Id of the VPC."
  type        = string
  nullable    = false
}

variable "waf" {
  description = "Web application firewall. `requests_per_5_minutes`: from one address, more are refused with 403. A load test, or a company behind NAT, is one address, so this is for floods: not below what all tasks together are scaled to. `block_content`: refuse what AWS's rules take for an attack, not only count it; mocks and tests hold such things on purpose. `log_counted`: log what is counted too, to decide on `block_content` by it; it is some 1.5 KB for each request that has no User-Agent, about 1 USD a million."
  type = object({
    enabled                = bool
    requests_per_5_minutes = optional(number, 3000000)
    block_content          = optional(bool, false)
    log_counted            = optional(bool, false)
    log_retention_days     = optional(number, 30)
  })
  nullable = false

  validation {
    condition     = var.waf.requests_per_5_minutes >= 10 && var.waf.requests_per_5_minutes <= 2000000000 && floor(var.waf.requests_per_5_minutes) == var.waf.requests_per_5_minutes
    error_message = "Write waf.requests_per_5_minutes as a whole number from 10 to 2000000000, such as 3000000 for ten thousand a second."
  }

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.waf.log_retention_days)
    error_message = "Write waf.log_retention_days as a number that CloudWatch Logs offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}
