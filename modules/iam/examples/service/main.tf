# The roles of a service, and the resources that the service uses: table, log group, secret and repository.

resource "aws_dynamodb_table" "echo" {
  name         = "echo-dev"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "PK"
  range_key    = "SK"

  attribute {
    name = "PK"
    type = "S"
  }

  attribute {
    name = "SK"
    type = "S"
  }
}

resource "aws_cloudwatch_log_group" "service" {
  name              = "/echo/echo-dev/service"
  retention_in_days = 30
}

resource "aws_secretsmanager_secret" "keys" {
  name = "echo-dev/key-entries"
}

resource "aws_ecr_repository" "service" {
  name                 = "echo-service"
  image_tag_mutability = "IMMUTABLE"
}

module "iam" {
  source = "../../"

  name            = "echo-dev"
  repository_arns = [aws_ecr_repository.service.arn]
  log_group_arns  = [aws_cloudwatch_log_group.service.arn]
  secret_arns     = [aws_secretsmanager_secret.keys.arn]
  table_arn       = aws_dynamodb_table.echo.arn
}

output "role_arns" {
  description = "ARNs of both roles, for the task definition."
  value = {
    execution = module.iam.execution_role_arn
    task      = module.iam.task_role_arn
  }
}
