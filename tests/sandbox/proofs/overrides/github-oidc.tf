resource "aws_iam_openid_connect_provider" "main" {
  client_id_list = ["changed"]
}

resource "aws_iam_role" "apply" {
  description          = "Changed"
  assume_role_policy   = jsonencode(merge(jsondecode(data.aws_iam_policy_document.trust["apply-${each.key}"].json), { Id = "changed" }))
  max_session_duration = 7201
}

resource "aws_iam_policy" "apply" {
  policy = jsonencode(merge(jsondecode(each.value.json), { Id = "changed" }))
}

resource "aws_iam_role" "plan" {
  description        = "Changed"
  assume_role_policy = jsonencode(merge(jsondecode(data.aws_iam_policy_document.trust["plan"].json), { Id = "changed" }))
}

resource "aws_iam_role_policy" "plan" {
  policy = jsonencode(merge(jsondecode(each.value), { Id = "changed" }))
}

resource "aws_iam_role" "push" {
  description        = "Changed"
  assume_role_policy = jsonencode(merge(jsondecode(data.aws_iam_policy_document.trust["push"].json), { Id = "changed" }))
}

resource "aws_iam_role_policy" "push" {
  policy = jsonencode(merge(jsondecode(data.aws_iam_policy_document.push.json), { Id = "changed" }))
}
