# The push role puts images into one repository. An image runs nowhere until an apply of an environment names its
# digest.

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

# Reading is included, because a push builds the index of two platforms from existing images.
data "aws_iam_policy_document" "push" {
  #checkov:skip=CKV_AWS_356:ecr:GetAuthorizationToken and Inspector's actions have no resource in IAM
  statement {
    sid       = "LogInToRegistry"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  # Also read the known vulnerabilities of an image before its deployment.
  statement {
    sid       = "ReadScans"
    actions   = ["ecr:DescribeImages", "ecr:DescribeImageScanFindings"]
    resources = [var.image_repository_arn]
  }

  # ECR calls Inspector with the caller's rights, in accounts with Inspector.
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
