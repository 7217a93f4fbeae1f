variable "ipv6" {
  description = "Also create an AAAA record, for a load balancer with IPv6 addresses."
  type        = bool
  default     = false
  nullable    = false
}

variable "load_balancer" {
  description = "Target of the records: `dns_name` and `zone_id` of the load balancer."
  type        = object({ dns_name = string, zone_id = string })
  nullable    = false
}

variable "name" {
  description = "Name of the certificate and the records, such as `echo.example.com`."
  type        = string
  nullable    = false
}

variable "zone_id" {
  description = "Id of the public hosted zone that contains `name`, such as `Z0123456789ABCDEFGHIJ`. Its parent zone must delegate to it: otherwise ACM validates nothing, and the apply ends after 15 minutes."
  type        = string
  nullable    = false
}
