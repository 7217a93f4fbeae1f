variable "alarms" {
  description = "Recipients of alarms by mail (`emails`), and the URL of docs/runbook.md as your team reads it. Optional: overrides of `thresholds`, and `promql = false` for a region where CloudWatch does not answer PromQL."
  type        = object({ emails = optional(set(string), []), runbook_url = string, thresholds = optional(map(number), {}), promql = optional(bool, true) })
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
