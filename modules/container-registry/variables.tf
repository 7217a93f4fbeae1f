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
}

variable "repositories" {
  description = "Names of the repositories, such as `echo-service`."
  type        = set(string)
  nullable    = false
}
