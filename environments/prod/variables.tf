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
  description = "Name and certificate_arn of the domain. The certificate must exist. null: HTTP under the load balancer's name."
  type        = object({ name = string, certificate_arn = string })
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
