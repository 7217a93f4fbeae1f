# Cluster, service and scaling; the table and the keys.
data "aws_iam_policy_document" "service" {
  for_each = var.environments

  #checkov:skip=CKV_AWS_111:Only where AWS knows no resource
  #checkov:skip=CKV_AWS_356:Only where AWS knows no resource

  statement {
    sid = "Service"
    actions = [
      "ecs:CreateService",
      "ecs:DeleteCluster",
      "ecs:DeleteService",
      "ecs:PutClusterCapacityProviders",
      "ecs:RegisterTaskDefinition",
      "ecs:StopServiceDeployment",
      "ecs:TagResource",
      "ecs:UntagResource",
      "ecs:UpdateCluster",
      "ecs:UpdateClusterSettings",
      "ecs:UpdateService",
    ]
    resources = [
      "${local.arn.ecs}:cluster/${var.name}-${each.key}",
      "${local.arn.ecs}:service-deployment/${var.name}-${each.key}/*",
      "${local.arn.ecs}:service/${var.name}-${each.key}/*",
      "${local.arn.ecs}:task-definition/${var.name}-${each.key}-*",
    ]
  }

  # A cluster that is not there yet has no ARN for AWS; so it is told by the tag that it gets.
  statement {
    sid       = "MakeCluster"
    actions   = ["ecs:CreateCluster"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/Environment"
      values   = [each.key]
    }
  }

  # AWS knows no resource for it, and so no tag that the guard could go by.
  statement {
    sid       = "DropTaskDefinitions"
    actions   = ["ecs:DeregisterTaskDefinition"]
    resources = ["*"]
  }

  # A target's id is AWS's. Of what it scales, only services of ECS.
  statement {
    sid = "Scaling"
    actions = [
      "application-autoscaling:DeleteScalingPolicy",
      "application-autoscaling:DeleteScheduledAction",
      "application-autoscaling:DeregisterScalableTarget",
      "application-autoscaling:PutScalingPolicy",
      "application-autoscaling:PutScheduledAction",
      "application-autoscaling:RegisterScalableTarget",
    ]
    resources = ["${local.arn.application-autoscaling}:scalable-target/*"]

    condition {
      test     = "StringEquals"
      variable = "application-autoscaling:service-namespace"
      values   = ["ecs"]
    }
  }

  statement {
    sid       = "TagScaling"
    actions   = ["application-autoscaling:TagResource", "application-autoscaling:UntagResource"]
    resources = ["${local.arn.application-autoscaling}:scalable-target/*"]
  }

  # The table, and no item in it.
  statement {
    sid = "Table"
    actions = [
      "dynamodb:CreateTable",
      "dynamodb:DeleteTable",
      "dynamodb:TagResource",
      "dynamodb:UntagResource",
      "dynamodb:UpdateContinuousBackups",
      "dynamodb:UpdateTable",
      "dynamodb:UpdateTimeToLive",
    ]
    resources = ["${local.arn.dynamodb}:table/${var.name}-${each.key}"]
  }

  # AWS knows no resource for it.
  statement {
    sid       = "MakeTokens"
    actions   = ["secretsmanager:GetRandomPassword"]
    resources = ["*"]
  }

  # With their values: entries are made of the tokens that are stored. Planning reads none.
  statement {
    sid = "Keys"
    actions = [
      "secretsmanager:CreateSecret",
      "secretsmanager:DeleteSecret",
      "secretsmanager:GetSecretValue",
      "secretsmanager:PutSecretValue",
      "secretsmanager:RestoreSecret",
      "secretsmanager:TagResource",
      "secretsmanager:UntagResource",
      "secretsmanager:UpdateSecret",
      "secretsmanager:UpdateSecretVersionStage",
    ]
    resources = ["${local.arn.secretsmanager}:secret:${var.name}-${each.key}/*"]
  }
}
