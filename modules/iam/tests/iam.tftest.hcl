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

variables {
  name            = "echo-test"
  repository_arns = ["arn:aws:ecr:eu-central-1:111122223333:repository/echo-service"]
  log_group_arns = [
    "arn:aws:logs:eu-central-1:111122223333:log-group:/echo/echo-test/service",
    "arn:aws:logs:eu-central-1:111122223333:log-group:/echo/echo-test/collector",
  ]
  secret_arns = ["arn:aws:secretsmanager:eu-central-1:111122223333:secret:echo-test/key-entries-AbCdEf"]
  table_arn   = "arn:aws:dynamodb:eu-central-1:111122223333:table/echo-test"
}

run "defaults" {
  command = plan

  # The complete list: a new right must be added here, so that a review sees it.
  assert {
    condition = {
      for statement in jsondecode(aws_iam_role_policy.execution.policy).Statement : statement.Sid =>
      { allows = statement.Effect, actions = toset(flatten([statement.Action])), on = toset(flatten([statement.Resource])) }
      } == {
      LogInToRegistry = { allows = "Allow", actions = toset(["ecr:GetAuthorizationToken"]), on = toset(["*"]) }
      PullImages = {
        allows  = "Allow"
        actions = toset(["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"])
        on      = toset(["arn:aws:ecr:eu-central-1:111122223333:repository/echo-service"])
      }
      WriteLogs = {
        allows  = "Allow"
        actions = toset(["logs:CreateLogStream", "logs:PutLogEvents"])
        on = toset([
          "arn:aws:logs:eu-central-1:111122223333:log-group:/echo/echo-test/service:*",
          "arn:aws:logs:eu-central-1:111122223333:log-group:/echo/echo-test/collector:*",
        ])
      }
      ReadSecrets = {
        allows  = "Allow"
        actions = toset(["secretsmanager:GetSecretValue"])
        on      = toset(["arn:aws:secretsmanager:eu-central-1:111122223333:secret:echo-test/key-entries-AbCdEf"])
      }
    }
    error_message = "The execution role must pull from these repositories, write to these log groups and read these secrets, and nothing else."
  }
  assert {
    condition = {
      for statement in jsondecode(aws_iam_role_policy.task.policy).Statement : statement.Sid =>
      { allows = statement.Effect, actions = toset(flatten([statement.Action])), on = statement.Resource }
      } == {
      KeepEndpoints = {
        allows = "Allow"
        actions = toset([
          "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem",
        ])
        on = "arn:aws:dynamodb:eu-central-1:111122223333:table/echo-test"
      }
      InspectTable = {
        allows  = "Allow"
        actions = toset(["dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive"])
        on      = "arn:aws:dynamodb:eu-central-1:111122223333:table/echo-test"
      }
      SendTelemetry = {
        allows  = "Allow"
        actions = toset(["cloudwatch:PutMetricData", "xray:PutTraceSegments"])
        on      = "*"
      }
    }
    error_message = "The task role must use this table and send telemetry, and nothing else."
  }
  assert {
    condition = alltrue([
      for role in [aws_iam_role.execution, aws_iam_role.task] : jsondecode(role.assume_role_policy).Statement[0].Principal == { Service = "ecs-tasks.amazonaws.com" } &&
      jsondecode(role.assume_role_policy).Statement[0].Condition == {
        StringEquals = { "aws:SourceAccount" = "111122223333" }
        ArnLike      = { "aws:SourceArn" = "arn:aws:ecs:eu-central-1:111122223333:*" }
      }
    ])
    error_message = "Only ECS may assume the roles, and only for tasks of this account and region."
  }
  assert {
    condition     = output.execution_role_name == "echo-test-execution" && output.task_role_name == "echo-test-task"
    error_message = "The module must create two roles, named after the environment."
  }
  assert {
    condition     = aws_iam_role.execution.permissions_boundary == null && aws_iam_role.task.permissions_boundary == null
    error_message = "Without a given boundary the roles must have none."
  }
}

run "boundary_and_pull_through" {
  command = plan

  variables {
    permissions_boundary_arn     = "arn:aws:iam::111122223333:policy/boundary"
    pull_through_repository_arns = ["arn:aws:ecr:eu-central-1:111122223333:repository/ecr-public/aws-observability/aws-otel-collector"]
  }

  assert {
    condition     = aws_iam_role.execution.permissions_boundary == var.permissions_boundary_arn && aws_iam_role.task.permissions_boundary == var.permissions_boundary_arn
    error_message = "Both roles must have the boundary."
  }
  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.execution.policy).Statement : [statement.Action, statement.Resource] if statement.Sid == "FillPullThroughCache"
    ] == [["ecr:BatchImportUpstreamImage", tolist(var.pull_through_repository_arns)[0]]]
    error_message = "The execution role must be able to fill the cache, for these repositories only."
  }
  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.execution.policy).Statement :
      toset(statement.Resource) == setunion(var.repository_arns, var.pull_through_repository_arns) if statement.Sid == "PullImages"
    ])
    error_message = "The execution role must pull from the cache and from the repositories."
  }
}

run "own_keys_and_a_path" {
  command = plan

  variables {
    kms_key_arns = ["arn:aws:kms:eu-central-1:111122223333:key/1"]
    role_path    = "/teams/echo/"
  }

  assert {
    condition     = aws_iam_role.execution.path == "/teams/echo/" && aws_iam_role.task.path == "/teams/echo/"
    error_message = "Both roles must have the given path."
  }
  assert {
    condition = {
      for statement in concat(jsondecode(aws_iam_role_policy.execution.policy).Statement, jsondecode(aws_iam_role_policy.task.policy).Statement) :
      statement.Sid => "${statement.Resource} ${statement.Condition.StringEquals["kms:ViaService"]}" if contains(["DecryptSecrets", "UseEncryptedTable"], statement.Sid)
      } == {
      DecryptSecrets    = "arn:aws:kms:eu-central-1:111122223333:key/1 secretsmanager.eu-central-1.amazonaws.com"
      UseEncryptedTable = "arn:aws:kms:eu-central-1:111122223333:key/1 dynamodb.eu-central-1.amazonaws.com"
    }
    error_message = "The roles may use the key only by the service whose data it encrypts."
  }
}

run "example_service" {
  command = plan

  module {
    source = "./examples/service"
  }

  # The real provider asks AWS about a table even for a plan.
  override_resource {
    target = aws_dynamodb_table.echo
  }

  override_data {
    target = module.iam.data.aws_caller_identity.current
    values = { account_id = "111122223333" }
  }
}
