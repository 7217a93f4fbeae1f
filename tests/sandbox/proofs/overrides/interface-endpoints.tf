resource "aws_vpc_endpoint" "main" {
  policy = jsonencode(merge(jsondecode(data.aws_iam_policy_document.own_account.json), { Id = "changed" }))
  tags   = { Name = "changed" }
}
