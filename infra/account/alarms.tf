# The key for the alarms of all environments. A key of Echo, because AWS's key for SNS has a fixed policy, and alarms
# cannot publish with this policy. One key for all environments, because an environment with a key would need the right
# to change keys.

data "aws_iam_policy_document" "alarms_key" {
  #checkov:skip=CKV_AWS_109:A key's policy applies to this key only
  #checkov:skip=CKV_AWS_111:A key's policy applies to this key only
  #checkov:skip=CKV_AWS_356:A key's policy applies to this key only
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
  # AWS's minimum: the key encrypts no stored data.
  deletion_window_in_days = 7
}

# Environments refer to the key by this alias.
resource "aws_kms_alias" "alarms" {
  name          = "alias/echo-alarms"
  target_key_id = aws_kms_key.alarms.key_id
}
