resource "aws_ecr_repository" "main" {
  for_each = var.repositories

  name = each.key
  # A tag keeps its first image. Environments name digests; tags are for people.
  image_tag_mutability = "IMMUTABLE"
  force_delete         = !var.protect

  # Encrypt with the account's own key for ECR.
  encryption_configuration {
    encryption_type = "KMS"
  }

  image_scanning_configuration {
    scan_on_push = true
  }
}

# Expire images by number, not by age: an environment without a deployment for months must still be able to start tasks.
# No rule for untagged images: an image pulled through by digest has no tag.
resource "aws_ecr_lifecycle_policy" "main" {
  for_each = var.repositories

  repository = aws_ecr_repository.main[each.key].name
  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "All but the newest ${var.keep_images}"
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = var.keep_images }
      action       = { type = "expire" }
    }]
  })
}

resource "aws_ecr_pull_through_cache_rule" "main" {
  for_each = var.pull_through

  ecr_repository_prefix = each.key
  upstream_registry_url = each.value
}
