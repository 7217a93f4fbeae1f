# Planned by the real provider, so that the policy documents are real, without AWS.

provider "aws" {
  region                      = "eu-central-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
  skip_region_validation      = true
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "111122223333" }
}

override_data {
  target = module.github[0].data.aws_caller_identity.current
  values = { account_id = "111122223333" }
}

override_data {
  target = module.boundaries.data.aws_caller_identity.current
  values = { account_id = "111122223333" }
}

# Values that only AWS knows, for the policies of GitHub's roles.
override_resource {
  target          = module.state.aws_s3_bucket.main
  override_during = plan
  values          = { arn = "arn:aws:s3:::echo-state-111122223333" }
}

variables {
  environments      = ["dev", "prod"]
  repository        = { owner = "octo-org", owner_id = "123456", name = "echo", id = "456789" }
  state_bucket_name = "echo-state-111122223333"
}

run "account" {
  command = plan

  assert {
    condition     = output.state_bucket_name == "echo-state-111122223333"
    error_message = "The states must be in the given bucket."
  }
  assert {
    condition     = toset(keys(module.registry.repository_urls)) == toset(["echo-service", "ecr-public/aws-observability/aws-otel-collector"])
    error_message = "The registry must have a repository for the service, and one for the collector below the prefix of the cache."
  }
  assert {
    condition     = toset(keys(output.apply_role_arns)) == toset(["dev", "prod"])
    error_message = "Each environment must have its apply role, and no other role may apply it."
  }
  assert {
    condition     = output.state_keys == { dev = "dev/terraform.tfstate", prod = "prod/terraform.tfstate" }
    error_message = "The state of each environment must have the key in the environment's backend."
  }

  # Alarms.
  assert {
    condition     = aws_kms_alias.alarms.name == "alias/echo-alarms" && aws_kms_key.alarms.enable_key_rotation
    error_message = "The key of the alarms must have the alias that environments use, and rotate."
  }
  assert {
    condition = [
      for statement in jsondecode(aws_kms_key.alarms.policy).Statement : [toset(flatten([statement.Action])), statement.Condition] if can(statement.Principal.Service)
    ] == [[toset(["kms:Decrypt", "kms:GenerateDataKey*"]), { StringEquals = { "aws:SourceAccount" = "111122223333" } }]]
    error_message = "This account's alarms, and no other's, must have the right to use the key; otherwise no message of an alarm arrives."
  }

  # Traces.
  assert {
    condition     = jsondecode(aws_cloudformation_stack.traces.template_body).Resources == { TransactionSearch = { Type = "AWS::XRay::TransactionSearchConfig", Properties = { IndexingPercentage = 1 } } }
    error_message = "Traces must go to Transaction Search, with only the free share indexed."
  }
  assert {
    condition = jsondecode(aws_cloudwatch_log_resource_policy.traces.policy_document).Statement == [{
      Sid       = "XRayWritesSpans"
      Effect    = "Allow"
      Principal = { Service = "xray.amazonaws.com" }
      Action    = "logs:PutLogEvents"
      Resource = [
        "arn:aws:logs:eu-central-1:111122223333:log-group:aws/spans:*",
        "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/application-signals/data:*",
      ]
      Condition = {
        StringEquals = { "aws:SourceAccount" = "111122223333" }
        ArnLike      = { "aws:SourceArn" = "arn:aws:xray:eu-central-1:111122223333:*" }
      }
    }]
    error_message = "X-Ray must be able to write spans for this account only, and to these two log groups only."
  }
}

run "without_github_no_role_and_no_identity_provider" {
  command = plan
  variables {
    repository = null
  }

  assert {
    condition     = length(module.github) == 0 && output.apply_role_arns == null && output.plan_role_arn == null && output.push_role_arn == null
    error_message = "Without a repository nothing may trust GitHub."
  }
  assert {
    condition     = toset(keys(module.boundaries.arns)) == toset(["dev", "prod"]) && output.state_keys == { dev = "dev/terraform.tfstate", prod = "prod/terraform.tfstate" }
    error_message = "Without a repository each environment must still have its boundary and its state."
  }
}

run "no_budget_by_default" {
  command = plan

  assert {
    condition     = length(aws_budgets_budget.main) == 0 && length(aws_ce_cost_allocation_tag.main) == 0
    error_message = "Without a value there must be no budget, and no change of the account's tags."
  }
}

run "budget" {
  command = plan
  variables {
    budget = { usd_a_month = 500, emails = ["operators@example.com"] }
  }

  assert {
    condition     = aws_budgets_budget.main["main"].limit_amount == "500" && aws_budgets_budget.main["main"].limit_unit == "USD" && aws_budgets_budget.main["main"].time_unit == "MONTHLY"
    error_message = "The budget must have the given limit, for a month."
  }
  assert {
    condition     = [for filter in aws_budgets_budget.main["main"].cost_filter : [filter.name, filter.values]] == [["TagKeyValue", tolist(["user:Project$echo"])]]
    error_message = "The budget must count everything with the tag of Echo, and nothing else."
  }
  assert {
    condition = { for it in aws_budgets_budget.main["main"].notification : it.notification_type => [it.threshold, it.threshold_type, it.comparison_operator, it.subscriber_email_addresses] } == {
      ACTUAL     = [80, "PERCENTAGE", "GREATER_THAN", toset(["operators@example.com"])]
      FORECASTED = [100, "PERCENTAGE", "GREATER_THAN", toset(["operators@example.com"])]
    }
    error_message = "The recipients must get a mail at 80 % of the limit, and when AWS expects the whole limit."
  }
  assert {
    condition     = { for key, tag in aws_ce_cost_allocation_tag.main : key => tag.status } == { Environment = "Active", Project = "Active" }
    error_message = "Without active tags the budget would see no costs."
  }
}

run "budget_in_an_organisation" {
  command = plan
  variables {
    budget = { usd_a_month = 500, emails = ["operators@example.com"], activate_tags = false }
  }

  assert {
    condition     = length(aws_budgets_budget.main) == 1 && length(aws_ce_cost_allocation_tag.main) == 0
    error_message = "An account of an organisation must be able to leave the tags to the management account."
  }
}

run "refuses_a_budget_without_a_limit_or_a_recipient" {
  command = plan
  variables {
    budget = { usd_a_month = 0, emails = [] }
  }
  expect_failures = [var.budget, var.budget]
}

run "refuses_a_recipient_that_is_no_mail_address" {
  command = plan
  variables {
    budget = { usd_a_month = 500, emails = ["operators"] }
  }
  expect_failures = [var.budget]
}

run "refuses_a_bucket_with_dots_and_the_vpc_of_no_environment" {
  command = plan
  variables {
    state_bucket_name = "echo.state"
    vpc_arns          = { test = "arn:aws:ec2:eu-central-1:111122223333:vpc/vpc-0123456789abcdef0" }
  }
  expect_failures = [var.state_bucket_name, var.vpc_arns]
}

run "rules_of_a_company" {
  command = plan

  variables {
    shared = { prod = { kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/1", permissions_boundary_arn = "arn:aws:iam::111122223333:policy/company", role_path = "/company/" } }
  }

  assert {
    condition     = local.boundary_arns.prod == "arn:aws:iam::111122223333:policy/company"
    error_message = "The role of prod may create roles with the company's boundary only."
  }
}

run "refuses_rules_of_no_environment" {
  command = plan
  variables {
    shared = { staging = { role_path = "/company/" } }
  }
  expect_failures = [var.shared]
}
