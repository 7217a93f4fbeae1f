# Log groups, alarms, their topic, the dashboard, and the CloudFormation stack of the alarms that the provider cannot
# create.
data "aws_iam_policy_document" "operate" {
  for_each = var.environments

  #checkov:skip=CKV_AWS_111:Only for actions without a resource in IAM
  #checkov:skip=CKV_AWS_356:Only for actions without a resource in IAM

  statement {
    sid = "LogGroups"
    actions = [
      "logs:CreateLogGroup",
      "logs:DeleteLogGroup",
      "logs:DeleteMetricFilter",
      "logs:DeleteRetentionPolicy",
      "logs:PutMetricFilter",
      "logs:PutRetentionPolicy",
      "logs:TagResource",
      "logs:UntagResource",
    ]
    resources = [
      "${local.arn.logs}:log-group:/echo/${var.name}-${each.key}/*",
      # WAF requires this prefix.
      "${local.arn.logs}:log-group:aws-waf-logs-${var.name}-${each.key}*",
    ]
  }

  # Deliveries of flow logs and of the firewall's logs. IAM has no resource for these actions.
  statement {
    sid = "LogDeliveries"
    actions = [
      "logs:CreateLogDelivery",
      "logs:DeleteLogDelivery",
      "logs:GetLogDelivery",
      "logs:ListLogDeliveries",
      "logs:PutResourcePolicy",
      "logs:UpdateLogDelivery",
    ]
    resources = ["*"]
  }

  statement {
    sid = "AlarmsAndDashboard"
    actions = [
      "cloudwatch:DeleteAlarms",
      "cloudwatch:DeleteDashboards",
      "cloudwatch:PutDashboard",
      "cloudwatch:PutMetricAlarm",
      "cloudwatch:TagResource",
      "cloudwatch:UntagResource",
    ]
    resources = [
      "${local.arn.cloudwatch}:alarm:${var.name}-${each.key}-*",
      # Autoscaling tests these rights by calls without a name.
      "${local.arn.cloudwatch}:alarm:",
      # Autoscaling creates alarms of its own, with the rights of the role that sets scaling up.
      "${local.arn.cloudwatch}:alarm:TargetTracking-service/${var.name}-${each.key}/*",
      # Dashboards have no region.
      "arn:${local.partition}:cloudwatch::${local.account}:dashboard/${var.name}-${each.key}",
    ]
  }

  statement {
    sid = "AlarmStack"
    actions = [
      "cloudformation:CreateStack",
      "cloudformation:DeleteStack",
      "cloudformation:TagResource",
      "cloudformation:UntagResource",
      "cloudformation:UpdateStack",
    ]
    resources = ["${local.arn.cloudformation}:stack/${var.name}-${each.key}-*"]
  }

  statement {
    sid = "Topic"
    actions = [
      "sns:CreateTopic",
      "sns:DeleteTopic",
      "sns:SetTopicAttributes",
      "sns:Subscribe",
      "sns:TagResource",
      "sns:UntagResource",
    ]
    resources = ["${local.arn.sns}:${var.name}-${each.key}-*"]
  }

  # IAM has no resource for this action.
  statement {
    sid       = "Subscriptions"
    actions   = ["sns:Unsubscribe"]
    resources = ["*"]
  }
}
