# The roles of tasks and flow logs. An apply role can use the rights of each role that it creates and passes on, so both
# actions are narrow, and bounded.
data "aws_iam_policy_document" "identity" {
  for_each = var.environments

  statement {
    sid = "MakeRoles"
    actions = [
      "iam:CreateRole",
      "iam:DeleteRolePolicy",
      "iam:PutRolePermissionsBoundary",
      "iam:PutRolePolicy",
    ]
    resources = ["${local.iam_arn}:role${each.value.shared.role_path}${var.name}-${each.key}-*"]

    # Calls that could give a role more rights than the boundary.
    condition {
      test     = "StringEquals"
      variable = "iam:PermissionsBoundary"
      values   = [each.value.boundary_arn]
    }
  }

  statement {
    sid = "ChangeRoles"
    actions = [
      "iam:DeleteRole",
      "iam:ListInstanceProfilesForRole",
      "iam:TagRole",
      "iam:UntagRole",
      "iam:UpdateAssumeRolePolicy",
      "iam:UpdateRole",
      "iam:UpdateRoleDescription",
    ]
    resources = ["${local.iam_arn}:role${each.value.shared.role_path}${var.name}-${each.key}-*"]
  }

  statement {
    sid       = "PassRoles"
    actions   = ["iam:PassRole"]
    resources = ["${local.iam_arn}:role${each.value.shared.role_path}${var.name}-${each.key}-*"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs-tasks.amazonaws.com", "vpc-flow-logs.amazonaws.com"]
    }
  }

  # A change of the limits of scaling passes the service-linked role on. AWS's pages do not say to which of the two
  # names.
  statement {
    sid       = "PassRoleOfScaling"
    actions   = ["iam:PassRole"]
    resources = ["${local.iam_arn}:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["application-autoscaling.amazonaws.com", "ecs.application-autoscaling.amazonaws.com"]
    }
  }

  # AWS's service-linked roles, which AWS creates with the first resource of a service in an account.
  statement {
    sid       = "RolesOfServices"
    actions   = ["iam:CreateServiceLinkedRole"]
    resources = ["${local.iam_arn}:role/aws-service-role/*"]

    condition {
      test     = "StringEquals"
      variable = "iam:AWSServiceName"
      values = [
        # For a regional NAT gateway.
        "ec2-nat-gateway.amazonaws.com",
        "ecs.amazonaws.com",
        "ecs.application-autoscaling.amazonaws.com",
        "elasticloadbalancing.amazonaws.com",
        "wafv2.amazonaws.com",
      ]
    }
  }
}
