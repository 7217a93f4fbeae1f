resource "aws_iam_policy" "main" {
  policy = jsonencode(merge(jsondecode(data.aws_iam_policy_document.main[each.key].minified_json), { Id = "changed" }))
}
