# The real provider plans without AWS, so the policy documents are real.

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
    dev  = { boundary_arn = "arn:aws:iam::111122223333:policy/github/echo-boundary-dev", state_key = "dev/terraform.tfstate" }
    prod = { boundary_arn = "arn:aws:iam::111122223333:policy/github/echo-boundary-prod", state_key = "prod/terraform.tfstate" }
  }
}

run "trust" {
  command = plan

  assert {
    condition     = aws_iam_openid_connect_provider.main.url == "https://token.actions.githubusercontent.com" && toset(aws_iam_openid_connect_provider.main.client_id_list) == toset(["sts.amazonaws.com"])
    error_message = "The provider must be GitHub's, for tokens with the audience AWS."
  }

  # The whole statement of each role. tests/sandbox/proofs/trust.py evaluates the applied policies on tokens.
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
              # A job's subject with an environment names no branch and no workflow.
              startswith(name, "echo-apply-") ? {
                "token.actions.githubusercontent.com:ref"              = "refs/heads/main"
                "token.actions.githubusercontent.com:job_workflow_ref" = "octo-org/echo/.github/workflows/deploy.yml@refs/heads/main"
              } : {},
            )
          }
      }]
    }
    error_message = "Each role must trust only its own subjects of this repository, in the form with numeric ids, and only tokens with the audience AWS."
  }
  assert {
    condition     = alltrue([for role in aws_iam_role.apply : role.max_session_duration == 7200])
    error_message = "The session of an apply role must last as long as the deploy job (.github/workflows/deploy.yml)."
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

  # The plan role: no action writes, or reads stored data.
  assert {
    condition = alltrue([
      for action in flatten([for name, policy in aws_iam_role_policy.plan : [for statement in jsondecode(policy.policy).Statement : statement.Action] if name != "manifests"]) :
      can(regex("^[a-z0-9-]+:(Describe|Get|List)[A-Za-z]*[*]?$|^budgets:ViewBudget$", action))
    ])
    error_message = "The plan role has another action than describe, get and list."
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
    error_message = "The plan role must read manifests of images, but no layers."
  }

  # Calls for which AWS requires additional rights, from its Service Authorization Reference ("dependent actions").
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
    error_message = "A role has the right to a call, but lacks a dependent right."
  }
  # Calls of the provider on a change only; a first apply does not need them.
  assert {
    condition = length(setsubtract(
      ["iam:UpdateAssumeRolePolicy", "iam:UpdateRole", "iam:UpdateRoleDescription"],
      flatten([for statement in jsondecode(aws_iam_policy.apply["dev-identity"].policy).Statement : statement.Action])
    )) == 0
    error_message = "An apply role lacks the rights to change a role."
  }
  # Resources that may hold secrets of other teams: user data of instances, variables of tasks, parameters and outputs
  # of stacks.
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
    error_message = "The plan role reads data of other teams, beyond the one action that AWS cannot limit to a resource."
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
    error_message = "The push role must push to its own repository only, and must not delete."
  }

  # The apply roles.
  assert {
    condition     = !anytrue([for policy in aws_iam_policy.apply : anytrue([for statement in jsondecode(policy.policy).Statement : statement.Effect == "Allow" && anytrue([for action in flatten([statement.Action]) : endswith(action, ":*") || action == "*"])])])
    error_message = "An apply role has all rights of a service."
  }
  # The complete list; the code has the reasons. A new statement with `*` must be added here, in sight of a review.
  assert {
    condition = toset([
      for it in flatten([for policy in aws_iam_policy.apply : [for statement in jsondecode(policy.policy).Statement : statement if statement.Effect == "Allow"]]) :
      it.Sid if contains(flatten([it.Resource]), "*")
    ]) == toset(["DropTaskDefinitions", "HowThingsAreSetUp", "LogDeliveries", "MakeCluster", "MakeTokens", "Subscriptions"])
    error_message = "The statements on all resources differ from the list of those that AWS cannot limit."
  }
  # Resources named by an id are created with the environment's tag, in networks with that tag.
  assert {
    condition = {
      for statement in jsondecode(aws_iam_policy.apply["dev-network"].policy).Statement : statement.Sid => statement.Condition if startswith(statement.Sid, "Make")
      } == {
      MakeNetwork   = { StringEquals = { "aws:RequestTag/Environment" = "dev" } }
      MakeInNetwork = { StringEquals = { "aws:ResourceTag/Environment" = "dev" } }
    }
    error_message = "An apply role could create resources without the environment's tag, or in other networks."
  }
  # Resources in all other statements have the environment's name or its tag, or are listed here.
  assert {
    condition = toset(flatten([
      for key, policy in aws_iam_policy.apply : [
        for statement in jsondecode(policy.policy).Statement : [
          for resource in flatten([statement.Resource]) : statement.Sid
          if resource != "*" && statement.Effect == "Allow" && !contains(["HowBucketsAreSetUp", "HowEchoIsSetUp"], statement.Sid) && !can(regex("(:|/|-logs-)echo-${split("-", key)[0]}([*:/]|$|-[*])", resource)) &&
          !strcontains(resource, "echo-state-test") && try(statement.Condition.StringEquals["aws:ResourceTag/Environment"], "") != split("-", key)[0]
        ]
      ]
    ])) == toset(["AlarmsAndDashboard", "EmptyDefaultSecurityGroup", "Firewall", "MakeNetwork", "NamesOfEndpoints", "PassRoleOfScaling", "RolesOfServices", "Scaling", "TagScaling", "TagWhatIsMade"])
    error_message = "A statement covers resources without the environment's name or tag."
  }
  assert {
    condition = !anytrue([
      for policy in aws_iam_policy.apply : anytrue([
        for action in flatten([for statement in jsondecode(policy.policy).Statement : statement.Action]) :
        contains(["dynamodb:GetItem", "dynamodb:Scan", "iam:AttachRolePolicy", "iam:CreateUser", "iam:DeleteRolePermissionsBoundary", "iam:CreatePolicyVersion", "kms:Decrypt", "sts:AssumeRole"], action)
      ])
    ])
    error_message = "An apply role can read the table, raise its own rights, or assume another role."
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
    error_message = "Resources with another environment's tag must be denied, but not shared resources of the account, such as images."
  }
  assert {
    condition = {
      for statement in jsondecode(aws_iam_policy.apply["dev-state"].policy).Statement : statement.Sid => [toset(flatten([statement.Action])), statement.Resource]
      } == {
      State = [toset(["s3:GetObject", "s3:PutObject"]), "arn:aws:s3:::echo-state-test/dev/terraform.tfstate"]
      Lock  = [toset(["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]), "arn:aws:s3:::echo-state-test/dev/terraform.tfstate.tflock"]
    }
    error_message = "An apply role must write only its own state and lock, and must not delete a state."
  }
  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_policy.apply["dev-identity"].policy).Statement :
      toset(try(statement.Condition.StringEquals["iam:PassedToService"], [])) == (
        statement.Resource == "arn:aws:iam::111122223333:role/echo-dev-*" ? toset(["ecs-tasks.amazonaws.com", "vpc-flow-logs.amazonaws.com"]) :
        statement.Resource == "arn:aws:iam::111122223333:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService" ?
        toset(["application-autoscaling.amazonaws.com", "ecs.application-autoscaling.amazonaws.com"]) : toset(["none"])
      )
      if contains(flatten([statement.Action]), "iam:PassRole")
    ])
    error_message = "An apply role may pass only the environment's own roles, only to tasks and flow logs, and scaling's own role to scaling."
  }
  assert {
    condition = alltrue([
      for action in ["iam:CreateRole", "iam:PutRolePolicy", "iam:DeleteRolePolicy", "iam:PutRolePermissionsBoundary"] : alltrue([
        for statement in jsondecode(aws_iam_policy.apply["dev-identity"].policy).Statement :
        try(statement.Condition.StringEquals["iam:PermissionsBoundary"], null) == "arn:aws:iam::111122223333:policy/github/echo-boundary-dev" if contains(flatten([statement.Action]), action)
      ])
    ])
    error_message = "An apply role may create or change only roles with the environment's boundary."
  }

  # AWS's limits, which otherwise only an apply would meet. AWS does not count white space.
  assert {
    condition     = alltrue([for policy in aws_iam_policy.apply : length(policy.policy) <= 6144])
    error_message = "A managed policy has more than 6,144 characters: divide it."
  }
  assert {
    condition     = length(aws_iam_policy.apply) <= 10 * length(var.environments) && sum([for policy in aws_iam_role_policy.plan : length(jsonencode(jsondecode(policy.policy)))]) <= 10240
    error_message = "A role has more than ten policies, or the plan role more than 10,240 characters of inline policies."
  }
}

run "refuses_names_for_numbers_no_environment_and_patterns" {
  command = plan
  variables {
    repository   = { owner = "octo-org", owner_id = "octo-org", name = "echo", id = "456789" }
    environments = {}
    branch       = "*"
  }
  expect_failures = [var.repository, var.environments, var.branch]
}

run "empties_untagged_groups_of_its_own_vpc_only" {
  command = plan
  variables {
    environments = {
      dev  = { boundary_arn = "arn:aws:iam::111122223333:policy/github/echo-boundary-dev", state_key = "dev/terraform.tfstate", vpc_arn = "arn:aws:ec2:eu-central-1:111122223333:vpc/vpc-0123456789abcdef0" }
      prod = { boundary_arn = "arn:aws:iam::111122223333:policy/github/echo-boundary-prod", state_key = "prod/terraform.tfstate" }
    }
  }

  assert {
    condition = {
      for environment in ["dev", "prod"] : environment => [
        for statement in jsondecode(aws_iam_policy.apply["${environment}-network"].policy).Statement : try(statement.Condition.ArnEquals["ec2:Vpc"], "of any")
        if statement.Sid == "EmptyDefaultSecurityGroup"
      ]
    } == { dev = ["arn:aws:ec2:eu-central-1:111122223333:vpc/vpc-0123456789abcdef0"], prod = ["of any"] }
    error_message = "With a known VPC, an apply role may empty untagged security groups of that VPC only."
  }
}

run "rights_on_resources_of_other_owners" {
  command = plan

  variables {
    environments = {
      dev = { boundary_arn = "arn:aws:iam::111122223333:policy/github/echo-boundary-dev", state_key = "dev/terraform.tfstate" }
      prod = {
        boundary_arn = "arn:aws:iam::111122223333:policy/company", state_key = "prod/terraform.tfstate"
        shared = {
          domain      = { name = "echo.example.com", zone_id = "Z0123456789ABCDEFGHIJ" }
          kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/1"
          role_path   = "/company/"
          vpc_arn     = "arn:aws:ec2:eu-central-1:111122223333:vpc/vpc-0123456789abcdef0"
        }
      }
    }
  }

  assert {
    condition     = length([for name in keys(aws_iam_policy.apply) : name if endswith(name, "-shared")]) == 1
    error_message = "Only an environment that uses resources of other owners may have rights on them."
  }
  # The whole list: a new right must be added here, so that a review sees it.
  assert {
    condition = { for statement in jsondecode(aws_iam_policy.apply["prod-shared"].policy).Statement : statement.Sid => [toset(flatten([statement.Resource])), try(one(values(statement.Condition)), null)] } == {
      MakeInVpc         = [toset(["arn:aws:ec2:eu-central-1:111122223333:vpc/vpc-0123456789abcdef0"]), null]
      MakeInSubnets     = [toset(["arn:aws:ec2:eu-central-1:111122223333:subnet/*"]), { "ec2:Vpc" = "arn:aws:ec2:eu-central-1:111122223333:vpc/vpc-0123456789abcdef0" }]
      MakeCertificate   = [toset(["arn:aws:acm:eu-central-1:111122223333:certificate/*"]), { "aws:RequestTag/Environment" = "prod" }]
      ChangeCertificate = [toset(["arn:aws:acm:eu-central-1:111122223333:certificate/*"]), { "aws:ResourceTag/Environment" = "prod" }]
      Records           = [toset(["arn:aws:route53:::hostedzone/Z0123456789ABCDEFGHIJ"]), { "route53:ChangeResourceRecordSetsNormalizedRecordNames" = ["echo.example.com", "_*.echo.example.com"] }]
      UseKey            = [toset(["arn:aws:kms:eu-central-1:111122223333:key/1"]), { "kms:ViaService" = ["dynamodb.eu-central-1.amazonaws.com", "logs.eu-central-1.amazonaws.com", "secretsmanager.eu-central-1.amazonaws.com"] }]
      EncryptLogs       = [toset(["arn:aws:logs:eu-central-1:111122223333:log-group:/echo/echo-prod/*", "arn:aws:logs:eu-central-1:111122223333:log-group:aws-waf-logs-echo-prod*"]), null]
    }
    error_message = "The role may use the company's VPC, zone and key for its own resources and names only."
  }
  assert {
    condition     = alltrue([for policy in aws_iam_policy.apply : length(policy.policy) <= 6144]) && length(aws_iam_policy.apply) <= 10 * length(var.environments)
    error_message = "AWS refuses longer policies, and more than 10 for a role."
  }
}

run "refuses_a_name_for_a_boundary" {
  command = plan
  variables {
    environments = { dev = { boundary_arn = "echo-boundary-dev", state_key = "dev/terraform.tfstate" } }
  }
  expect_failures = [var.environments]
}

run "refuses_a_pattern_for_a_vpc" {
  command = plan
  variables {
    environments = { dev = { boundary_arn = "arn:aws:iam::111122223333:policy/github/echo-boundary-dev", state_key = "dev/terraform.tfstate", vpc_arn = "arn:aws:ec2:eu-central-1:111122223333:vpc/*" } }
  }
  expect_failures = [var.environments]
}

# Names of Enterprise Managed Users contain an underscore and the enterprise's short name.
run "accepts_an_owner_with_an_underscore" {
  command = plan
  variables {
    repository = { owner = "jdoe_acme", owner_id = "123456", name = "echo", id = "456789" }
  }

  assert {
    condition     = strcontains(aws_iam_role.push.assume_role_policy, "repo:jdoe_acme@123456/echo@456789:ref:refs/heads/main")
    error_message = "The owner must appear unchanged in the subjects."
  }
}

run "refuses_a_wildcard_in_a_name_and_environments_with_a_common_prefix" {
  command = plan
  variables {
    repository = { owner = "octo-org", owner_id = "123456", name = "*", id = "456789" }
    environments = {
      dev     = { boundary_arn = "arn:aws:iam::111122223333:policy/github/echo-boundary-dev", state_key = "dev/terraform.tfstate" }
      dev-two = { boundary_arn = "arn:aws:iam::111122223333:policy/github/echo-boundary-dev-two", state_key = "dev-two/terraform.tfstate" }
    }
  }
  expect_failures = [var.repository, var.environments]
}

run "refuses_a_long_environment" {
  command = plan
  variables {
    environments = { integration-testing = { boundary_arn = "arn:aws:iam::111122223333:policy/github/echo-boundary-integration", state_key = "integration/terraform.tfstate" } }
  }
  expect_failures = [var.environments]
}

run "refuses_an_environment_with_the_name_of_the_accounts_tag" {
  command = plan
  variables {
    environments = { account = { boundary_arn = "arn:aws:iam::111122223333:policy/github/echo-boundary-account", state_key = "account/terraform.tfstate" } }
  }
  expect_failures = [var.environments]
}

run "refuses_a_state_bucket_that_an_environment_may_empty" {
  command = plan
  variables {
    state_bucket_arn = "arn:aws:s3:::echo-state-test"
    environments     = { state = { boundary_arn = "arn:aws:iam::111122223333:policy/github/echo-boundary-state", state_key = "state/terraform.tfstate" } }
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
