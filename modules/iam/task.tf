# The containers' own work: keep endpoints in the table, and send telemetry. Both containers of a task have this role.

resource "aws_iam_role" "task" {
  name                 = "${var.name}-task"
  path                 = var.role_path
  description          = "Echo keeps its endpoints and sends its telemetry with it"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = var.permissions_boundary_arn
}

resource "aws_iam_role_policy" "task" {
  name   = "task"
  role   = aws_iam_role.task.id
  policy = data.aws_iam_policy_document.task.json
}

data "aws_iam_policy_document" "task" {
  #checkov:skip=CKV_AWS_111:The two telemetry actions take no resource
  #checkov:skip=CKV_AWS_356:The two telemetry actions take no resource
  # A transaction needs no right of its own, only the right of each operation in it.
  statement {
    sid = "KeepEndpoints"
    actions = [
      "dynamodb:DeleteItem",
      "dynamodb:GetItem",
      "dynamodb:PutItem",
      "dynamodb:Query",
      "dynamodb:UpdateItem",
    ]
    resources = [var.table_arn]
  }

  # At its start the service checks the table: existence, keys, and expiry of old log entries.
  statement {
    sid       = "InspectTable"
    actions   = ["dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive"]
    resources = [var.table_arn]
  }

  # DynamoDB uses the key with the rights of its caller.
  # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.howitworks.html
  dynamic "statement" {
    for_each = length(var.kms_key_arns) > 0 ? [var.kms_key_arns] : []

    content {
      sid       = "UseEncryptedTable"
      actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
      resources = statement.value

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["dynamodb.${data.aws_region.current.region}.amazonaws.com"]
      }
    }
  }

  # CloudWatch's and X-Ray's OTLP endpoints require exactly these two actions.
  statement {
    sid       = "SendTelemetry"
    actions   = ["cloudwatch:PutMetricData", "xray:PutTraceSegments"]
    resources = ["*"]
  }
}
