# Cluster, service and scaling; the table and the keys.
data "aws_iam_policy_document" "service" {
  for_each = var.environments

  #checkov:skip=CKV_AWS_111:Only for actions without a resource in IAM
  #checkov:skip=CKV_AWS_356:Only for actions without a resource in IAM

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
      "ecs:UpdateService",
    ]
    resources = [
      "${local.arn.ecs}:cluster/${var.name}-${each.key}",
      "${local.arn.ecs}:service-deployment/${var.name}-${each.key}/*",
      "${local.arn.ecs}:service/${var.name}-${each.key}/*",
      "${local.arn.ecs}:task-definition/${var.name}-${each.key}-*",
    ]
  }

  # A cluster has no ARN before its creation, so its new tag decides.
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

  # IAM has no resource for this action, and so no tag for the guard.
  statement {
    sid       = "DropTaskDefinitions"
    actions   = ["ecs:DeregisterTaskDefinition"]
    resources = ["*"]
  }

  # AWS chooses a target's id. The condition allows ECS services only.
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

  # The table, without its items.
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

  # IAM has no resource for this action.
  statement {
    sid       = "MakeTokens"
    actions   = ["secretsmanager:GetRandomPassword"]
    resources = ["*"]
  }

  # Including values: an apply builds the entries from stored tokens. A plan reads no value.
  statement {
    sid = "Keys"
    actions = [
      "secretsmanager:CreateSecret",
      "secretsmanager:DeleteSecret",
      "secretsmanager:GetSecretValue",
      "secretsmanager:PutSecretValue",
      "secretsmanager:TagResource",
      "secretsmanager:UntagResource",
      "secretsmanager:UpdateSecret",
      "secretsmanager:UpdateSecretVersionStage",
    ]
    resources = ["${local.arn.secretsmanager}:secret:${var.name}-${each.key}/*"]
  }
}
