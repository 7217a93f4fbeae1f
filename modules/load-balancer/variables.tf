variable "access_log_retention_days" {
  description = "Number of days to keep access logs. They contain clients' addresses and mocks' paths, so keep them no longer than necessary."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.access_log_retention_days >= 1 && floor(var.access_log_retention_days) == var.access_log_retention_days
    error_message = "Write the days to keep access logs as a whole number from 1."
  }
}

variable "certificate_arn" {
  description = "ARN of the ACM certificate for `domain_name`, in the load balancer's region. null: HTTP without encryption, acceptable for a trial only, because keys travel in plain text. Write the ARN literally, not from a resource of the same apply: the plan must know which listeners exist."
  type        = string
  default     = null

  validation {
    condition     = var.certificate_arn == null || can(regex("^arn:[a-z-]+:acm:[a-z0-9-]+:[0-9]{12}:certificate/.+$", var.certificate_arn))
    error_message = "Write the ARN of an ACM certificate, such as \"arn:aws:acm:eu-central-1:123456789012:certificate/…\", or null for HTTP."
  }
}

variable "deregistration_delay_seconds" {
  description = "Time for a stopping task to finish its requests before the load balancer closes their connections. Equal to the sum of the service's shutdown delay (10 s) and deadline (20 s)."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.deregistration_delay_seconds >= 0 && var.deregistration_delay_seconds <= 3600 && floor(var.deregistration_delay_seconds) == var.deregistration_delay_seconds
    error_message = "Write the deregistration delay in whole seconds, from 0 to 3600."
  }
}

variable "domain_name" {
  description = "Name under which clients reach the load balancer, for the URLs in the outputs. The caller creates the DNS record. null: the load balancer's own name."
  type        = string
  default     = null

  validation {
    condition     = var.certificate_arn == null || var.domain_name != null
    error_message = "Write the certificate's domain_name: clients would refuse the certificate under the load balancer's own name."
  }

  validation {
    condition     = var.domain_name == null || can(regex("^[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)+$", var.domain_name))
    error_message = "Write the domain_name as a bare name such as \"echo.example.com\", without scheme or port."
  }
}

variable "health_check_path" {
  description = "Path on the management port with answer 200 while the task accepts requests."
  type        = string
  default     = "/-/ready"
  nullable    = false

  validation {
    condition     = can(regex("^/[^ ]*$", var.health_check_path))
    error_message = "Write the path of the health check with its leading slash, such as \"/-/ready\"."
  }
}

variable "idle_timeout_seconds" {
  description = "Maximum time without data on a connection. Must be below the service's idle timeout (75 s): otherwise the service closes connections during a request, and clients see 502."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.idle_timeout_seconds >= 1 && var.idle_timeout_seconds <= 4000 && floor(var.idle_timeout_seconds) == var.idle_timeout_seconds
    error_message = "Write the idle timeout in whole seconds, from 1 to 4000."
  }
}

variable "management_port" {
  description = "Port of the management listener, such as 8443 with a certificate."
  type        = number
  nullable    = false

  validation {
    condition     = var.management_port >= 1 && var.management_port <= 65535 && floor(var.management_port) == var.management_port
    error_message = "Write the management port as a whole number from 1 to 65535."
  }
}

variable "mocks_port" {
  description = "Port of the mocks' listener, such as 443 with a certificate."
  type        = number
  nullable    = false

  validation {
    condition     = var.mocks_port >= 1 && var.mocks_port <= 65535 && floor(var.mocks_port) == var.mocks_port
    error_message = "Write the port of the mocks as a whole number from 1 to 65535."
  }

  validation {
    condition     = var.mocks_port != var.management_port
    error_message = "Write different ports for mocks and management: a mock may contain a script, which must not share an origin with management."
  }

  validation {
    condition     = var.certificate_arn == null || !contains([var.mocks_port, var.management_port], 80)
    error_message = "Write other ports than 80 together with a certificate, such as 443 and 8443: port 80 is for the redirect to HTTPS."
  }
}

variable "name" {
  description = "Name of the environment, such as `echo-dev`: the load balancer's name, and the prefix of all other names."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "Write 3 to 20 lower-case letters, digits and hyphens, with a letter first and no hyphen last, such as \"echo-dev\"."
  }
}

variable "protect" {
  description = "Refuse to delete the load balancer, and the bucket while it contains logs. Before a destroy, set this to false and apply."
  type        = bool
  default     = true
  nullable    = false
}

variable "security_group_id" {
  description = "Id of the load balancer's security group, which admits clients to each listener."
  type        = string
  nullable    = false
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

variable "subnet_ids" {
  description = "Id of one public subnet by zone letter."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "Write subnets of at least two zones, such as { a = \"subnet-…\", b = \"subnet-…\" }: AWS creates no load balancer in a single zone."
  }
}

variable "vpc_id" {
  description = "Id of the VPC."
  type        = string
  nullable    = false
}

variable "waf" {
  description = <<-EOT
    Web application firewall.

    - `enabled`: create the firewall.
    - `requests_per_5_minutes`: limit for one client address; further requests get 403. The limit is for floods, because a load test, or a company behind NAT, is a single address: set at least the total that the tasks scale to.
    - `block_content`: refuse matches of AWS's attack rules instead of only counting. Mocks and tests contain such content on purpose.
    - `log_counted`: also log counted requests, as a basis for `block_content`. Each request without `User-Agent` adds about 1.5 KB to the log, about 1 USD a million.
    - `log_retention_days`: number of days to keep the log.
  EOT
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
    error_message = "Write waf.log_retention_days as a number of days that CloudWatch Logs offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}
