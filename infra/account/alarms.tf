# What the environments' alarms are encrypted with. A key of our own, because alarms can not publish to a topic that is encrypted with
# AWS's: its policy, which nobody can change, does not let them. One for all, because whoever makes a key has to be let change keys.

data "aws_iam_policy_document" "alarms_key" {
  #checkov:skip=CKV_AWS_109:A key's policy is about this key only
  #checkov:skip=CKV_AWS_111:A key's policy is about this key only
  #checkov:skip=CKV_AWS_356:A key's policy is about this key only
  statement {
    sid       = "WhoMayIsDecidedByIam"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root"]
    }
  }

  statement {
    sid       = "AlarmsPublish"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

resource "aws_kms_key" "alarms" {
  description         = "Encrypts alarms of all environments while they are under way"
  enable_key_rotation = true
  policy              = data.aws_iam_policy_document.alarms_key.json
  # The shortest that there is: nothing is stored with it.
  deletion_window_in_days = 7
}

# Environments know it by this name.
resource "aws_kms_alias" "alarms" {
  name          = "alias/echo-alarms"
  target_key_id = aws_kms_key.alarms.key_id
}
