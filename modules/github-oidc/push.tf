# Pushing puts images into one repository. What is pushed runs nowhere until an environment is applied with its digest.

resource "aws_iam_role" "push" {
  name               = "${var.name}-push"
  path               = "/github/"
  description        = "Pushes images that were built on ${var.branch} of ${var.repository.owner}/${var.repository.name}"
  assume_role_policy = data.aws_iam_policy_document.trust["push"].json

  depends_on = [aws_iam_openid_connect_provider.main]
}

resource "aws_iam_role_policy" "push" {
  name   = "push"
  role   = aws_iam_role.push.id
  policy = data.aws_iam_policy_document.push.json
}

# It may read what it has pushed, because an index of two platforms is made of images that are there already.
data "aws_iam_policy_document" "push" {
  #checkov:skip=CKV_AWS_356:ecr:GetAuthorizationToken and Inspector's actions take no resource
  statement {
    sid       = "LogInToRegistry"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  # And what is known to be vulnerable in it, before it is deployed.
  statement {
    sid       = "ReadScans"
    actions   = ["ecr:DescribeImages", "ecr:DescribeImageScanFindings"]
    resources = [var.image_repository_arn]
  }

  # What ECR asks Inspector for in the caller's name, where the account has it.
  statement {
    sid       = "ReadScansOfInspector"
    actions   = ["inspector2:ListCoverage", "inspector2:ListFindings"]
    resources = ["*"]
  }

  statement {
    sid = "PushImages"
    actions = [
      "ecr:BatchCheckLayerAvailability",
      "ecr:BatchGetImage",
      "ecr:CompleteLayerUpload",
      "ecr:GetDownloadUrlForLayer",
      "ecr:InitiateLayerUpload",
      "ecr:PutImage",
      "ecr:UploadLayerPart",
    ]
    resources = [var.image_repository_arn]
  }
}
