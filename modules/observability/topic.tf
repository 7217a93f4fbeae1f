# The topic of all alarms, unless the account has one.

locals {
  topic_arn = coalesce(var.topic_arn, "arn:${data.aws_partition.current.partition}:sns:${local.region}:${local.account}:${var.name}-alarms")
}

resource "aws_sns_topic" "alarms" {
  count = var.topic_arn == null ? 1 : 0

  name              = "${var.name}-alarms"
  display_name      = "Alarms of ${var.name}"
  kms_master_key_id = var.kms_key_id
  policy            = data.aws_iam_policy_document.alarms_topic.json
}

moved {
  from = aws_sns_topic.alarms
  to   = aws_sns_topic.alarms[0]
}

data "aws_iam_policy_document" "alarms_topic" {
  statement {
    sid       = "AlarmsPublish"
    actions   = ["sns:Publish"]
    resources = [local.topic_arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }

    # Only alarms of this environment.
    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["${local.alarm_arn_prefix}*"]
    }
  }

  statement {
    sid       = "OnlyByTls"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [local.topic_arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sns_topic_subscription" "email" {
  for_each = var.alarm_emails

  topic_arn = aws_sns_topic.alarms[0].arn
  protocol  = "email"
  endpoint  = each.key
}
