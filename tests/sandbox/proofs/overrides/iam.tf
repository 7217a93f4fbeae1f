resource "aws_iam_role" "execution" {
  description        = "Changed"
  assume_role_policy = jsonencode(merge(jsondecode(data.aws_iam_policy_document.trust.json), { Id = "changed" }))
}

resource "aws_iam_role_policy" "execution" {
  policy = jsonencode(merge(jsondecode(data.aws_iam_policy_document.execution.json), { Id = "changed" }))
}

resource "aws_iam_role" "task" {
  description        = "Changed"
  assume_role_policy = jsonencode(merge(jsondecode(data.aws_iam_policy_document.trust.json), { Id = "changed" }))
}

resource "aws_iam_role_policy" "task" {
  policy = jsonencode(merge(jsondecode(data.aws_iam_policy_document.task.json), { Id = "changed" }))
}
