# Log groups, alarms, their topic, dashboard, and the stack of the alarm that the provider has no resource for.
data "aws_iam_policy_document" "operate" {
  for_each = var.environments

  #checkov:skip=CKV_AWS_111:Only where AWS knows no resource
  #checkov:skip=CKV_AWS_356:Only where AWS knows no resource

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
      # The firewall's logs have to be called so.
      "${local.arn.logs}:log-group:aws-waf-logs-${var.name}-${each.key}*",
    ]
  }

  # The deliveries that flow logs and the firewall set up for whoever switches them on. AWS knows no resource for them.
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
      # Scaling makes its own, by the rights of whoever sets it up.
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

  # AWS knows no resource for these two.
  statement {
    sid       = "Subscriptions"
    actions   = ["sns:SetSubscriptionAttributes", "sns:Unsubscribe"]
    resources = ["*"]
  }
}
