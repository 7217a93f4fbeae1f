variable "access_log_retention_days" {
  description = "Number of days to keep access logs. They contain clients' addresses and mocks' paths, so keep them no longer than necessary."
  type        = number
  default     = 30
  nullable    = false
}

variable "certificate" {
  description = "The ACM certificate for `domain_name`, in the load balancer's region. null: HTTP without encryption, acceptable for a trial only, because keys travel in plain text. An object, so that the plan knows which listeners exist before a new certificate has an ARN."
  type        = object({ arn = string })
  default     = null
}

variable "deregistration_delay_seconds" {
  description = "Time for the requests of a stopping task before the load balancer closes their connections. At least `idle_timeout_seconds`: otherwise a deployment cuts delayed answers."
  type        = number
  default     = 70
  nullable    = false
}

variable "domain_name" {
  description = "Name under which clients reach the load balancer, for the URLs in the outputs. The caller creates the DNS record. null: the load balancer's own name."
  type        = string
  default     = null
}

variable "health_check_path" {
  description = "Path on the management port with answer 200 while the task accepts requests."
  type        = string
  default     = "/-/ready"
  nullable    = false
}

variable "idle_timeout_seconds" {
  description = "Maximum time without data on a connection. Must be above the service's longest delay of an answer (60 s): otherwise clients see 504. Must be below the service's idle timeout (75 s): otherwise the service closes connections during a request, and clients see 502."
  type        = number
  default     = 70
  nullable    = false
}

variable "internal" {
  description = "Give the load balancer private addresses only: the VPC, and networks with a route to the VPC, reach it. The DNS name stays public and resolves to the private addresses."
  type        = bool
  default     = false
  nullable    = false
}

variable "ipv6" {
  description = "Give the load balancer IPv6 addresses, too. Each subnet needs an IPv6 network."
  type        = bool
  default     = false
  nullable    = false
}

variable "log_kms_key_arn" {
  description = "ARN of the KMS key for the firewall's log. null: AWS's own key. The key's policy must let CloudWatch Logs of the region use it. Access logs always have S3's key: load balancers cannot write with another one."
  type        = string
  default     = null
}

variable "management_port" {
  description = "Port of the management listener, such as 8443 with a certificate."
  type        = number
  nullable    = false
}

variable "mocks_port" {
  description = "Port of the mocks' listener, such as 443 with a certificate."
  type        = number
  nullable    = false
}

variable "name" {
  description = "Name of the environment, such as `echo-dev`: the load balancer's name, and the prefix of all other names."
  type        = string
  nullable    = false
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
}

variable "subnet_ids" {
  description = "Id of one subnet by zone letter: public subnets, or private ones for an internal load balancer."
  type        = map(string)
  nullable    = false
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
}
