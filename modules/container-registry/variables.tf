variable "keep_images" {
  description = "Images to keep in each repository, counted from the newest. A delivery is five: an image for each of two platforms, the one that names both, and two attestations. So the default keeps a hundred. More than you deliver between two deployments of an environment, because a task can not start from an image that is gone."
  type        = number
  default     = 500
  nullable    = false

  validation {
    condition     = var.keep_images >= 10 && var.keep_images <= 10000 && floor(var.keep_images) == var.keep_images
    error_message = "Write the number of images to keep as a whole number from 10 to 10000: with fewer, a push could delete what runs, or what to go back to."
  }
}

variable "protect" {
  description = "Refuse to delete a repository that holds images. It has to be switched off and applied before a destroy."
  type        = bool
  default     = true
  nullable    = false
}

variable "pull_through" {
  description = "Registries from which images come when they are pulled here, by the prefix of their repositories here, such as { ecr-public = \"public.ecr.aws\" }. The repository itself has to be in `repositories`."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for prefix in keys(var.pull_through) : can(regex("^[a-z0-9]+(?:[._-][a-z0-9]+)*$", prefix)) && length(prefix) >= 2 && length(prefix) <= 30])
    error_message = "Write each prefix as 2 to 30 lower-case letters and digits, with single \".\", \"_\" or \"-\" between them, such as \"ecr-public\"."
  }

  validation {
    condition     = alltrue([for upstream in values(var.pull_through) : contains(["public.ecr.aws", "quay.io", "registry.k8s.io"], upstream)])
    error_message = "Write one of the registries that ECR reads without credentials: \"public.ecr.aws\", \"quay.io\" or \"registry.k8s.io\"."
  }

  validation {
    condition     = alltrue([for prefix in keys(var.pull_through) : anytrue([for name in var.repositories : startswith(name, "${prefix}/")])])
    error_message = "Write the repository that is pulled through each prefix into repositories, such as \"ecr-public/aws-observability/aws-otel-collector\": one that ECR makes by itself has neither immutable tags nor scans."
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
