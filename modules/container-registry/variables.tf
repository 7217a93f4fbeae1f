variable "keep_images" {
  description = "Number of images to keep in each repository, newest first. A delivery adds five: one image for each of two platforms, their index, and two attestations. So the default keeps 100 deliveries. Keep more than you deliver between two deployments of an environment: a task cannot start from a deleted image."
  type        = number
  default     = 500
  nullable    = false

  validation {
    condition     = var.keep_images >= 10 && var.keep_images <= 10000 && floor(var.keep_images) == var.keep_images
    error_message = "Write the number of images to keep as a whole number from 10 to 10000: with fewer, a push could delete the running image, or the image for a rollback."
  }
}

variable "protect" {
  description = "Refuse to delete a repository that contains images. Before a destroy, set this to false and apply."
  type        = bool
  default     = true
  nullable    = false
}

variable "pull_through" {
  description = "Upstream registries by prefix, such as { ecr-public = \"public.ecr.aws\" }: ECR caches their images in repositories with that prefix. Name each of these repositories in `repositories`."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for prefix in keys(var.pull_through) : can(regex("^[a-z0-9]+(?:[._-][a-z0-9]+)*$", prefix)) && length(prefix) >= 2 && length(prefix) <= 30])
    error_message = "Write each prefix as 2 to 30 lower-case letters and digits, with single \".\", \"_\" or \"-\" between them, such as \"ecr-public\"."
  }

  validation {
    condition     = alltrue([for upstream in values(var.pull_through) : contains(["public.ecr.aws", "quay.io", "registry.k8s.io"], upstream)])
    error_message = "Write a registry that ECR reads without credentials: \"public.ecr.aws\", \"quay.io\" or \"registry.k8s.io\"."
  }

  validation {
    condition     = alltrue([for prefix in keys(var.pull_through) : anytrue([for name in var.repositories : startswith(name, "${prefix}/")])])
    error_message = "Write a repository with each prefix into repositories, such as \"ecr-public/aws-observability/aws-otel-collector\": a repository that ECR creates itself has neither immutable tags nor scans."
  }
}

variable "repositories" {
  description = "Names of the repositories, such as `echo-service`."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.repositories) > 0
    error_message = "Write the name of at least one repository, such as \"echo-service\"."
  }

  validation {
    condition     = alltrue([for name in var.repositories : can(regex("^[a-z][a-z0-9]*(?:[._/-][a-z0-9]+)*$", name)) && length(name) >= 2 && length(name) <= 256])
    error_message = "Write each repository as 2 to 256 lower-case letters and digits, beginning with a letter, with single \".\", \"_\", \"-\" or \"/\" between them, such as \"echo-service\"."
  }
}
