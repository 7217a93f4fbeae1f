# The real provider plans without AWS, so the policy documents are real.

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

variables {
  environments = ["dev", "prod"]
}

run "boundaries" {
  command = plan

  # The boundary: no action that raises a right, or reaches another environment. tests/sandbox/proofs/wiring.py
  # shows that the running service stays within the boundary.
  assert {
    condition = { for environment, policy in aws_iam_policy.main : environment => "${policy.path}${policy.name}" } == {
      dev = "/github/echo-boundary-dev", prod = "/github/echo-boundary-prod"
    }
    error_message = "Each environment must have its own boundary, in the path that no apply role may change."
  }
  assert {
    condition = {
      for statement in jsondecode(aws_iam_policy.main["dev"].policy).Statement : statement.Resource => toset(flatten([statement.Action]))
      } == {
      "*" = toset(["cloudwatch:PutMetricData", "ecr:GetAuthorizationToken", "xray:PutTraceSegments"])
      "arn:aws:ecr:eu-central-1:111122223333:repository/*" = toset([
        "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:BatchImportUpstreamImage", "ecr:GetDownloadUrlForLayer",
      ])
      "arn:aws:logs:eu-central-1:111122223333:log-group:/echo/echo-dev/*" = toset([
        "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents",
      ])
      "arn:aws:secretsmanager:eu-central-1:111122223333:secret:echo-dev/*" = toset(["secretsmanager:GetSecretValue"])
      "arn:aws:dynamodb:eu-central-1:111122223333:table/echo-dev" = toset([
        "dynamodb:DeleteItem", "dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query",
        "dynamodb:UpdateItem",
      ])
    }
    error_message = "The boundary allows more than an environment's roles need."
  }

  assert {
    condition = output.arns == {
      for environment, policy in aws_iam_policy.main : environment => "arn:aws:iam::111122223333:policy${policy.path}${policy.name}"
    }
    error_message = "The ARNs must be those of the policies."
  }
}

run "refuses_a_long_environment" {
  command = plan
  variables {
    environments = ["integration-testing"]
  }
  expect_failures = [var.environments]
}

run "example_two_environments" {
  command = plan
  module {
    source = "./examples/two-environments"
  }
  override_data {
    target = module.boundaries.data.aws_caller_identity.current
    values = { account_id = "123456789012" }
  }
}
