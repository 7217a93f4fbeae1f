# Planned by the real provider, without AWS.

provider "aws" {
  region                      = "eu-central-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
  skip_region_validation      = true
}

variables {
  repositories = ["echo-service", "ecr-public/aws-observability/aws-otel-collector"]
  pull_through = { ecr-public = "public.ecr.aws" }
}

run "defaults" {
  command = plan

  assert {
    condition     = toset([for repository in aws_ecr_repository.main : repository.name]) == var.repositories
    error_message = "The module must create exactly the requested repositories."
  }
  assert {
    condition     = alltrue([for repository in aws_ecr_repository.main : repository.image_tag_mutability == "IMMUTABLE"])
    error_message = "Tags must be immutable."
  }
  assert {
    condition     = alltrue([for repository in aws_ecr_repository.main : one(repository.image_scanning_configuration).scan_on_push])
    error_message = "Each push must start a scan."
  }
  assert {
    condition     = alltrue([for repository in aws_ecr_repository.main : one(repository.encryption_configuration).encryption_type == "KMS"])
    error_message = "Images must be encrypted by KMS."
  }
  assert {
    condition     = alltrue([for repository in aws_ecr_repository.main : !repository.force_delete])
    error_message = "A protected repository must refuse its deletion while it holds images."
  }
  assert {
    condition = alltrue([
      for name in var.repositories : [
        for rule in jsondecode(aws_ecr_lifecycle_policy.main[name].policy).rules : [rule.selection.tagStatus, rule.selection.countType, rule.selection.countNumber]
      ] == [["any", "imageCountMoreThan", 500]]
    ])
    error_message = "Images may expire only by their number: an untagged or old image may be the running one."
  }
  assert {
    condition     = { for rule in aws_ecr_pull_through_cache_rule.main : rule.ecr_repository_prefix => rule.upstream_registry_url } == { ecr-public = "public.ecr.aws" }
    error_message = "The cache must pull the collector from its public registry."
  }
}

run "unprotected_without_cache" {
  command = plan

  variables {
    repositories = ["echo-service"]
    pull_through = {}
    keep_images  = 10
    protect      = false
  }

  assert {
    condition     = aws_ecr_repository.main["echo-service"].force_delete
    error_message = "Without protection a repository must be deletable with its images."
  }
  assert {
    condition     = jsondecode(aws_ecr_lifecycle_policy.main["echo-service"].policy).rules[0].selection.countNumber == 10
    error_message = "The registry must keep the requested number of images."
  }
  assert {
    condition     = length(aws_ecr_pull_through_cache_rule.main) == 0
    error_message = "Without a request the module may create no pull-through cache."
  }
}

run "refuses_too_few_images" {
  command = plan
  variables {
    keep_images = 9
  }
  expect_failures = [var.keep_images]
}

run "refuses_half_an_image" {
  command = plan
  variables {
    keep_images = 10.5
  }
  expect_failures = [var.keep_images]
}

run "refuses_too_many_images" {
  command = plan
  variables {
    keep_images = 10001
  }
  expect_failures = [var.keep_images]
}

run "example_collector" {
  command = plan
  module {
    source = "./examples/collector"
  }
}
