# Planned by the real provider, so that the policy documents are real, without AWS.

provider "aws" {
  region                      = "eu-central-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
  skip_region_validation      = true

  default_tags {
    tags = { Environment = "account" }
  }
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "111122223333" }
}

variables {
  repository       = { owner = "octo-org", owner_id = "123456", name = "echo", id = "456789" }
  state_bucket_arn = "arn:aws:s3:::echo-state-test"

  image_repository_arn = "arn:aws:ecr:eu-central-1:111122223333:repository/echo-service"
  environments = {
    dev  = { state_key = "dev/terraform.tfstate" }
    prod = { state_key = "prod/terraform.tfstate" }
  }
}

run "trust" {
  command = plan

  assert {
    condition     = aws_iam_openid_connect_provider.main.url == "https://token.actions.githubusercontent.com" && toset(aws_iam_openid_connect_provider.main.client_id_list) == toset(["sts.amazonaws.com"])
    error_message = "The provider must be GitHub's, for tokens that are made for AWS."
  }

  # The whole statement of each role. Whom it lets in is evaluated where it is applied (tests/sandbox/trust.py).
  assert {
    condition = {
      for role in concat([aws_iam_role.plan, aws_iam_role.push], values(aws_iam_role.apply)) : role.name => jsondecode(role.assume_role_policy).Statement
      } == {
      for name, subject in {
        echo-plan       = ["repo:octo-org@123456/echo@456789:pull_request", "repo:octo-org@123456/echo@456789:ref:refs/heads/main"]
        echo-push       = "repo:octo-org@123456/echo@456789:ref:refs/heads/main"
        echo-apply-dev  = "repo:octo-org@123456/echo@456789:environment:dev"
        echo-apply-prod = "repo:octo-org@123456/echo@456789:environment:prod"
        } : name => [{
          Effect    = "Allow"
          Action    = "sts:AssumeRoleWithWebIdentity"
          Principal = { Federated = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com" }
          Condition = {
            StringEquals = merge(
              { "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com", "token.actions.githubusercontent.com:sub" = subject },
              # The subject of a job in an environment names no branch and no workflow.
              startswith(name, "echo-apply-") ? {
                "token.actions.githubusercontent.com:ref"              = "refs/heads/main"
                "token.actions.githubusercontent.com:job_workflow_ref" = "octo-org/echo/.github/workflows/deploy.yml@refs/heads/main"
              } : {},
            )
          }
      }]
    }
    error_message = "Each role must trust its own subjects of this repository only, in the form with numbers, and tokens made for AWS only."
  }
  assert {
    condition     = alltrue([for role in aws_iam_role.apply : role.max_session_duration == 7200])
    error_message = "A role that applies must last as long as the job that deploys (.github/workflows/deploy.yml)."
  }
  assert {
    condition     = alltrue([for role in concat([aws_iam_role.plan, aws_iam_role.push], values(aws_iam_role.apply)) : role.path == "/github/"])
    error_message = "The roles must be in a path in which no apply role may change roles."
  }
}

run "rights" {
  command = plan

  assert {
    condition = toset([for attachment in aws_iam_role_policy_attachment.apply : attachment.role]) == toset(["echo-apply-dev", "echo-apply-prod"]) && alltrue([
      for key, attachment in aws_iam_role_policy_attachment.apply : attachment.role == "echo-apply-${split("-", key)[0]}"
    ])
    error_message = "Each environment's policies must be attached to its role, and to no other."
  }

  # The plan role: of all that it may, nothing writes, and nothing reads what is kept.
  assert {
    condition = alltrue([
      for action in flatten([for name, policy in aws_iam_role_policy.plan : [for statement in jsondecode(policy.policy).Statement : statement.Action] if name != "manifests"]) :
      can(regex("^[a-z0-9-]+:(Describe|Get|List)[A-Za-z]*[*]?$", action))
    ])
    error_message = "The plan role may do something else than describe, get and list."
  }
  assert {
    condition = !anytrue([
      for action in flatten([for policy in aws_iam_role_policy.plan : [for statement in jsondecode(policy.policy).Statement : statement.Action if !strcontains(jsonencode(statement.Resource), "arn:aws:s3:::echo-state-test/*")]]) :
      contains([
        "dynamodb:Get*", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", "ecr:GetAuthorizationToken", "kms:Decrypt", "logs:GetLogEvents", "logs:Get*",
        "s3:*", "s3:Get*", "s3:GetObject", "secretsmanager:Get*", "secretsmanager:GetSecretValue", "sns:*", "sts:AssumeRole",
      ], action) || endswith(action, ":*")
    ])
    error_message = "The plan role may read data, or the value of a secret."
  }
  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.plan["state"].policy).Statement : [statement.Action, statement.Resource]
    ] == [["s3:ListBucket", "arn:aws:s3:::echo-state-test"], ["s3:GetObject", "arn:aws:s3:::echo-state-test/*"]]
    error_message = "The plan role must read states, and not write them."
  }
  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.plan["manifests"].policy).Statement : [statement.Action, statement.Resource]
    ] == [["ecr:BatchGetImage", "arn:aws:ecr:eu-central-1:111122223333:repository/*"]]
    error_message = "Of images the plan role must read manifests, and no layer."
  }

  # Where AWS asks for more rights behind a call than that of the call. From its Service Authorization Reference, "dependent actions".
  assert {
    condition = alltrue(flatten([
      for policies in [values(aws_iam_role_policy.plan), [for key, policy in aws_iam_policy.apply : policy if startswith(key, "dev-")]] : [
        for action, behind in {
          "wafv2:AssociateWebACL"         = ["elasticloadbalancing:CreateWebACLAssociation", "elasticloadbalancing:SetWebACL"]
          "wafv2:DisassociateWebACL"      = ["elasticloadbalancing:DeleteWebACLAssociation", "elasticloadbalancing:SetWebACL"]
          "wafv2:GetWebACLForResource"    = ["elasticloadbalancing:GetLoadBalancerWebACL", "wafv2:GetWebACL"]
          "wafv2:PutLoggingConfiguration" = ["iam:CreateServiceLinkedRole", "logs:CreateLogDelivery", "logs:PutResourcePolicy"]
          "ecr:DescribeImageScanFindings" = ["inspector2:ListCoverage", "inspector2:ListFindings"]
        } :
        length(setsubtract(behind, flatten([for policy in policies : [for statement in jsondecode(policy.policy).Statement : statement.Action]]))) == 0
        if contains(flatten([for policy in policies : [for statement in jsondecode(policy.policy).Statement : statement.Action]]), action)
      ]
    ]))
    error_message = "A role may make a call, and lacks a right that AWS asks for behind it."
  }
  # What the provider calls only when such a thing is changed, which no first apply shows.
  assert {
    condition = length(setsubtract(
      ["iam:UpdateAssumeRolePolicy", "iam:UpdateRole", "iam:UpdateRoleDescription"],
      flatten([for statement in jsondecode(aws_iam_policy.apply["dev-identity"].policy).Statement : statement.Action])
    )) == 0
    error_message = "A merge that changes a role could not be delivered."
  }
  # What may hold secrets of other teams: what instances are started with, variables of tasks, parameters and outputs of stacks.
  assert {
    condition = toset([
      for it in setproduct(
        flatten([for policy in aws_iam_role_policy.plan : [for statement in jsondecode(policy.policy).Statement : statement.Action if contains(flatten([statement.Resource]), "*")]]),
        [
          "cloudformation:DescribeStackResources", "cloudformation:DescribeStacks", "cloudformation:GetTemplate", "cloudwatch:GetDashboard",
          "dynamodb:DescribeTable", "ec2:DescribeFleets", "ec2:DescribeInstanceAttribute", "ec2:DescribeInstances", "ec2:DescribeLaunchTemplateVersions",
          "ec2:DescribeSpotFleetRequests", "ec2:DescribeSpotInstanceRequests", "ec2:DescribeVpnConnections", "ec2:GetConsoleOutput", "ec2:GetLaunchTemplateData",
          "ecs:DescribeServiceRevisions", "ecs:DescribeServices", "ecs:DescribeTaskDefinition", "ecs:DescribeTaskSets", "ecs:DescribeTasks",
          "ecs:ListTaskDefinitionFamilies", "ecs:ListTaskDefinitions", "ecs:ListTasks", "iam:GetRolePolicy", "secretsmanager:DescribeSecret", "sns:ListSubscriptionsByTopic",
        ],
      ) : it[1] if can(regex("^${replace(it[0], "*", ".*")}$", it[1]))
    ]) == toset(["ecs:DescribeTaskDefinition"])
    error_message = "The plan role shows what other teams keep to themselves, beyond the one action for which AWS knows no resource."
  }

  # The push role.
  assert {
    condition = {
      for statement in jsondecode(aws_iam_role_policy.push.policy).Statement : statement.Sid => [toset(flatten([statement.Action])), statement.Resource]
      } == {
      LogInToRegistry      = [toset(["ecr:GetAuthorizationToken"]), "*"]
      ReadScans            = [toset(["ecr:DescribeImages", "ecr:DescribeImageScanFindings"]), "arn:aws:ecr:eu-central-1:111122223333:repository/echo-service"]
      ReadScansOfInspector = [toset(["inspector2:ListCoverage", "inspector2:ListFindings"]), "*"]
      PushImages = [toset([
        "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:GetDownloadUrlForLayer",
        "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart",
      ]), "arn:aws:ecr:eu-central-1:111122223333:repository/echo-service"]
    }
    error_message = "The push role must push to its repository, and neither to another one nor delete anything."
  }

  # The apply roles.
  assert {
    condition     = !anytrue([for policy in aws_iam_policy.apply : anytrue([for statement in jsondecode(policy.policy).Statement : statement.Effect == "Allow" && anytrue([for action in flatten([statement.Action]) : endswith(action, ":*") || action == "*"])])])
    error_message = "An apply role has all rights of some service."
  }
  # Exactly these, each with its reason in the code: a statement that is added with `*` has to be added here, and is seen in review.
  assert {
    condition = toset([
      for it in flatten([for policy in aws_iam_policy.apply : [for statement in jsondecode(policy.policy).Statement : statement if statement.Effect == "Allow"]]) :
      it.Sid if contains(flatten([it.Resource]), "*")
    ]) == toset(["DropTaskDefinitions", "HowThingsAreSetUp", "LogDeliveries", "MakeCluster", "MakeTokens", "Subscriptions"])
    error_message = "The statements on all resources are not those that AWS allows no other way."
  }
  # What is made by id is made with its tag, in what has it.
  assert {
    condition = {
      for statement in jsondecode(aws_iam_policy.apply["dev-network"].policy).Statement : statement.Sid => statement.Condition if startswith(statement.Sid, "Make")
      } == {
      MakeNetwork   = { StringEquals = { "aws:RequestTag/Environment" = "dev" } }
      MakeInNetwork = { StringEquals = { "aws:ResourceTag/Environment" = "dev" } }
    }
    error_message = "Things could be made without the environment's tag, or in networks of others."
  }
  # What is not on all resources is named after the environment, or told by its tag, or listed here.
  assert {
    condition = toset(flatten([
      for key, policy in aws_iam_policy.apply : [
        for statement in jsondecode(policy.policy).Statement : [
          for resource in flatten([statement.Resource]) : statement.Sid
          if resource != "*" && statement.Effect == "Allow" && !contains(["HowBucketsAreSetUp", "HowEchoIsSetUp"], statement.Sid) && !can(regex("(:|/|-logs-)echo-${split("-", key)[0]}([*:/]|$|-[*])", resource)) &&
          !strcontains(resource, "echo-state-test") && try(statement.Condition.StringEquals["aws:ResourceTag/Environment"], "") != split("-", key)[0]
        ]
      ]
    ])) == toset(["EmptyDefaultSecurityGroup", "Firewall", "MakeNetwork", "NamesOfEndpoints", "RolesOfServices", "Scaling", "TagScaling", "TagWhatIsMade"])
    error_message = "A statement reaches beyond what is named after the environment or has its tag."
  }
  assert {
    condition = !anytrue([
      for policy in aws_iam_policy.apply : anytrue([
        for action in flatten([for statement in jsondecode(policy.policy).Statement : statement.Action]) :
        contains(["dynamodb:GetItem", "dynamodb:Scan", "iam:AttachRolePolicy", "iam:CreateUser", "iam:DeleteRolePermissionsBoundary", "iam:CreatePolicyVersion", "kms:Decrypt", "sts:AssumeRole"], action)
      ])
    ])
    error_message = "An apply role may read the table, raise its own rights, or become another role."
  }
  assert {
    condition = alltrue([
      for environment in ["dev", "prod"] : jsondecode(aws_iam_policy.apply["${environment}-guard"].policy).Statement == [{
        Sid       = "NotOfOtherEnvironments"
        Effect    = "Deny"
        Action    = "*"
        Resource  = "*"
        Condition = { Null = { "aws:ResourceTag/Environment" = "false" }, StringNotEquals = { "aws:ResourceTag/Environment" = [environment, "account"] } }
      }]
    ])
    error_message = "What another environment has tagged must be denied, whatever else is allowed, and not what the account has for all, such as images."
  }
  assert {
    condition = {
      for statement in jsondecode(aws_iam_policy.apply["dev-state"].policy).Statement : statement.Sid => [toset(flatten([statement.Action])), statement.Resource]
      } == {
      State = [toset(["s3:GetObject", "s3:PutObject"]), "arn:aws:s3:::echo-state-test/dev/terraform.tfstate"]
      Lock  = [toset(["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]), "arn:aws:s3:::echo-state-test/dev/terraform.tfstate.tflock"]
    }
    error_message = "An apply role must write its own state and lock, and no other's; and never delete a state."
  }
  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_policy.apply["dev-identity"].policy).Statement :
      toset(try(statement.Condition.StringEquals["iam:PassedToService"], [])) == toset(["ecs-tasks.amazonaws.com", "vpc-flow-logs.amazonaws.com"]) && statement.Resource == "arn:aws:iam::111122223333:role/echo-dev-*"
      if contains(flatten([statement.Action]), "iam:PassRole")
    ])
    error_message = "Only the environment's own roles may be passed on, to tasks and flow logs only."
  }
  assert {
    condition = alltrue([
      for action in ["iam:CreateRole", "iam:PutRolePolicy", "iam:DeleteRolePolicy", "iam:PutRolePermissionsBoundary"] : alltrue([
        for statement in jsondecode(aws_iam_policy.apply["dev-identity"].policy).Statement :
        try(statement.Condition.StringEquals["iam:PermissionsBoundary"], null) == "arn:aws:iam::111122223333:policy/github/echo-boundary-dev" if contains(flatten([statement.Action]), action)
      ])
    ])
    error_message = "No role may be made or given rights that is not bounded by the policy of its environment."
  }

  # The boundary: nothing by which a right could be raised or another environment reached. That what runs stays within it is shown in the
  # sandbox (tests/sandbox/seam.py).
  assert {
    condition = { for environment, policy in aws_iam_policy.boundary : environment => "${policy.path}${policy.name}" } == {
      dev = "/github/echo-boundary-dev", prod = "/github/echo-boundary-prod"
    }
    error_message = "Each environment must have a boundary of its own, in the path in which no apply role may change anything."
  }
  assert {
    condition = {
      for statement in jsondecode(aws_iam_policy.boundary["dev"].policy).Statement : statement.Resource => toset(flatten([statement.Action]))
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
      ])
    }
    error_message = "The boundary allows something else than what roles of an environment are for."
  }

  # AWS's limits, which only an apply would meet: they count no white space.
  assert {
    condition     = alltrue([for policy in aws_iam_policy.apply : length(policy.policy) <= 6144])
    error_message = "A managed policy has more than 6,144 characters: divide it."
  }
  assert {
    condition     = length(aws_iam_policy.apply) <= 10 * length(var.environments) && sum([for policy in aws_iam_role_policy.plan : length(jsonencode(jsondecode(policy.policy)))]) <= 10240
    error_message = "More than ten policies for a role, or more than 10,240 characters within the plan role."
  }
}

# Apart, because Terraform leaves the validation of environments out where the bucket, which it reads, is refused.
run "refuses_a_pattern_for_a_bucket" {
  command = plan
  variables {
    state_bucket_arn = "arn:aws:s3:::echo-*"
  }
  expect_failures = [var.state_bucket_arn]
}

run "refuses_names_for_numbers_no_environment_and_patterns" {
  command = plan
  variables {
    repository           = { owner = "octo-org", owner_id = "octo-org", name = "echo", id = "456789" }
    environments         = {}
    image_repository_arn = "arn:aws:ecr:eu-central-1:111122223333:repository/*"
    branch               = "*"
  }
  expect_failures = [var.repository, var.environments, var.image_repository_arn, var.branch]
}

run "adopts_groups_of_its_own_vpc_only" {
  command = plan
  variables {
    environments = {
      dev  = { state_key = "dev/terraform.tfstate", vpc_arn = "arn:aws:ec2:eu-central-1:111122223333:vpc/vpc-0123456789abcdef0" }
      prod = { state_key = "prod/terraform.tfstate" }
    }
  }

  assert {
    condition = {
      for environment in ["dev", "prod"] : environment => [
        for statement in jsondecode(aws_iam_policy.apply["${environment}-network"].policy).Statement : try(statement.Condition.ArnEquals["ec2:Vpc"], "of any")
        if statement.Sid == "EmptyDefaultSecurityGroup"
      ]
    } == { dev = ["arn:aws:ec2:eu-central-1:111122223333:vpc/vpc-0123456789abcdef0"], prod = ["of any"] }
    error_message = "Where the VPC is known, security groups without a tag may be adopted in it only."
  }
}

run "refuses_a_pattern_for_a_vpc" {
  command = plan
  variables {
    environments = { dev = { state_key = "dev/terraform.tfstate", vpc_arn = "arn:aws:ec2:eu-central-1:111122223333:vpc/*" } }
  }
  expect_failures = [var.environments]
}

# Enterprise Managed Users are called after their enterprise.
run "takes_an_owner_with_an_underscore" {
  command = plan
  variables {
    repository = { owner = "jdoe_acme", owner_id = "123456", name = "echo", id = "456789" }
  }

  assert {
    condition     = strcontains(aws_iam_role.push.assume_role_policy, "repo:jdoe_acme@123456/echo@456789:ref:refs/heads/main")
    error_message = "An owner must be taken as GitHub shows it."
  }
}

run "refuses_a_wildcard_for_a_name_and_environments_that_begin_alike" {
  command = plan
  variables {
    repository = { owner = "octo-org", owner_id = "123456", name = "*", id = "456789" }
    environments = {
      dev     = { state_key = "dev/terraform.tfstate" }
      dev-two = { state_key = "dev-two/terraform.tfstate" }
    }
  }
  expect_failures = [var.repository, var.environments]
}

run "refuses_a_long_environment" {
  command = plan
  variables {
    environments = { integration-testing = { state_key = "integration/terraform.tfstate" } }
  }
  expect_failures = [var.environments]
}

run "refuses_a_state_for_two" {
  command = plan
  variables {
    environments = { dev = { state_key = "terraform.tfstate" }, prod = { state_key = "terraform.tfstate" } }
  }
  expect_failures = [var.environments]
}

run "refuses_an_environment_that_is_called_as_the_account_is_tagged" {
  command = plan
  variables {
    environments = { account = { state_key = "account/terraform.tfstate" } }
  }
  expect_failures = [var.environments]
}

run "refuses_a_bucket_for_states_that_an_environment_may_empty" {
  command = plan
  variables {
    state_bucket_arn = "arn:aws:s3:::echo-state-test"
    environments     = { state = { state_key = "state/terraform.tfstate" } }
  }
  expect_failures = [var.environments]
}

run "refuses_a_pattern_for_a_state" {
  command = plan
  variables {
    environments = { dev = { state_key = "*" } }
  }
  expect_failures = [var.environments]
}

run "example_one_environment" {
  command = plan
  module {
    source = "./examples/one-environment"
  }
  override_data {
    target = module.github.data.aws_caller_identity.current
    values = { account_id = "123456789012" }
  }
}

run "refuses_a_name_that_no_role_can_have" {
  command = plan
  variables {
    name = "Echo"
  }
  expect_failures = [var.name]
}
