data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

# Admit principals of this account only: an intruder's credentials of another account cannot carry data out through an
# endpoint. Roles decide the rights of each principal.
data "aws_iam_policy_document" "own_account" {
  #checkov:skip=CKV_AWS_1:Gives no right: an endpoint's policy only narrows the rights of roles
  #checkov:skip=CKV_AWS_49:Gives no right: an endpoint's policy only narrows the rights of roles
  statement {
    sid       = "PrincipalsOfThisAccount"
    actions   = ["*"]
    resources = ["*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

resource "aws_vpc_endpoint" "main" {
  for_each = var.services

  vpc_id             = var.vpc_id
  service_name       = "com.amazonaws.${data.aws_region.current.region}.${each.key}"
  vpc_endpoint_type  = "Interface"
  subnet_ids         = values(var.subnet_ids)
  security_group_ids = [var.security_group_id]
  policy             = data.aws_iam_policy_document.own_account.json
  # The service's usual name resolves to the endpoint, so clients need no setting.
  private_dns_enabled = true

  tags = { Name = "${var.name}-${each.key}" }

  lifecycle {
    create_before_destroy = true
  }
}

# Changes together with the endpoints, and orders a change between NAT and endpoints: Terraform creates all dependencies
# before this resource changes, and destroys unused dependencies afterwards.
resource "terraform_data" "reached" {
  input = { services = var.services, subnet_ids = var.subnet_ids, security_group_id = var.security_group_id }

  depends_on = [aws_vpc_endpoint.main]
}
