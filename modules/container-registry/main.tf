resource "aws_ecr_repository" "main" {
  for_each = var.repositories

  name = each.key
  # What a tag has named once it names for good. Environments name digests; tags are for people.
  image_tag_mutability = "IMMUTABLE"
  force_delete         = !var.protect

  # By the account's own key for ECR.
  encryption_configuration {
    encryption_type = "KMS"
  }

  image_scanning_configuration {
    scan_on_push = true
  }
}

# By number and not by age, and without a rule for images that have no tag: what was pulled through by its digest has none, and an
# environment that nobody has deployed to for months must still be able to start tasks.
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
