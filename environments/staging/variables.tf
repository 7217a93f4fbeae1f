variable "alarm_emails" {
  description = "Recipients of alarms by mail. Each must confirm once."
  type        = set(string)
  default     = []
}

variable "collector_image_url" {
  description = "Image of the collector, by digest."
  type        = string
}

variable "cpu_architecture" {
  description = "Architecture of both images: ARM64 or X86_64."
  type        = string
  default     = "ARM64"
}

variable "docker_image_url" {
  description = "Image of the service, by digest: CI's latest, or an earlier image to roll back."
  type        = string
}

variable "domain" {
  description = "Name of the domain, and zone_id of its Route 53 zone or certificate_arn of an existing certificate. null: HTTP under the load balancer's name."
  type        = object({ name = string, certificate_arn = optional(string), zone_id = optional(string) })
  default     = null
}

variable "management_cidrs" {
  description = "Networks of your people and your CI, which create mocks."
  type        = list(string)
}

variable "runbook_url" {
  description = "URL of docs/runbook.md as your team reads it."
  type        = string
}

variable "tags" {
  description = "Further tags of all resources, such as { CostCenter = \"4711\" }."
  type        = map(string)
  default     = {}
}
