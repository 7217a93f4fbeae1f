# Sends traces to the log group aws/spans ("Transaction Search"). X-Ray's OTLP endpoint refuses traces without it.
#
# By CloudFormation, because the provider has no resource before 6.46 (aws_xray_trace_segment_destination).

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  in_this_account = "${data.aws_region.current.region}:${data.aws_caller_identity.current.account_id}"
  logs_arn        = "arn:${data.aws_partition.current.partition}:logs:${local.in_this_account}"
  xray_arn        = "arn:${data.aws_partition.current.partition}:xray:${local.in_this_account}"
}

data "aws_iam_policy_document" "traces" {
  statement {
    sid       = "XRayWritesSpans"
    actions   = ["logs:PutLogEvents"]
    resources = ["${local.logs_arn}:log-group:/aws/application-signals/data:*", "${local.logs_arn}:log-group:aws/spans:*"]

    principals {
      type        = "Service"
      identifiers = ["xray.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["${local.xray_arn}:*"]
    }
  }
}

resource "aws_cloudwatch_log_resource_policy" "traces" {
  policy_name     = "echo-traces"
  policy_document = data.aws_iam_policy_document.traces.json
}

resource "aws_cloudformation_stack" "traces" {
  #checkov:skip=CKV_AWS_124:The stack contains one setting, and its events need no notice
  name = "echo-transaction-search"

  template_body = jsonencode({
    Description = "The destination of traces, which the Terraform provider can not set yet"
    Resources = {
      TransactionSearch = {
        Type = "AWS::XRay::TransactionSearchConfig"
        # AWS keeps all spans, and all can be searched. This percentage of traces is also indexed for summaries, free of
        # charge.
        Properties = { IndexingPercentage = 1 }
      }
    }
  })

  # AWS refuses the setting until X-Ray may write to the log group.
  depends_on = [aws_cloudwatch_log_resource_policy.traces]
}
