resource "aws_kms_key" "alarms" {
  description             = "Changed"
  enable_key_rotation     = false
  policy                  = jsonencode(merge(jsondecode(data.aws_iam_policy_document.alarms_key.json), { Id = "changed" }))
  deletion_window_in_days = 8
}

resource "aws_cloudwatch_log_resource_policy" "traces" {
  policy_document = jsonencode(merge(jsondecode(data.aws_iam_policy_document.traces.json), { Id = "changed" }))
}

resource "aws_cloudformation_stack" "traces" {
  template_body = jsonencode({
    Description = "Changed"
    Resources = {
      TransactionSearch = {
        Type       = "AWS::XRay::TransactionSearchConfig"
        Properties = { IndexingPercentage = 2 }
      }
    }
  })
}
