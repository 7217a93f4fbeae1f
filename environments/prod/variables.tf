variable "alarms" {
  description = "Who gets a mail when an alarm rings, the page that it links to (docs/runbook.md, where your people read it), thresholds that are to be others, and promql = false for a region where CloudWatch does not know it."
  type        = object({ emails = optional(set(string), []), runbook_url = string, thresholds = optional(map(number), {}), promql = optional(bool, true) })
}

variable "collector_image_url" {
  description = "The collector's image, by digest."
  type        = string
}

variable "cpu_architecture" {
  description = "What both images are built for: ARM64 or X86_64."
  type        = string
  default     = "ARM64"
}

variable "docker_image_url" {
  description = "The service's image, by digest: what CI has just pushed, or an earlier one to roll back."
  type        = string
}

variable "domain" {
  description = "Name and certificate_arn of the domain, of a certificate that is there already; null for HTTP under the load balancer's name."
  type        = object({ name = string, certificate_arn = string })
  default     = null
}

variable "management_cidrs" {
  description = "From where mocks are set up: the networks of your people and of your CI."
  type        = list(string)
}
