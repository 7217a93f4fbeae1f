# The boundaries of two environments, and a role that cannot leave one of them.

module "boundaries" {
  source = "../../"

  environments = ["dev", "prod"]
}

resource "aws_iam_role" "task" {
  name                 = "echo-dev-task"
  permissions_boundary = module.boundaries.arns["dev"]

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ecs-tasks.amazonaws.com" } }]
  })
}
