data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

# What a principal may do is for its role to say. This says whose principals may come this way: with credentials of another account,
# which an intruder may bring along, nothing can be carried out through an endpoint.
data "aws_iam_policy_document" "own_account" {
  #checkov:skip=CKV_AWS_1:It gives no right: an endpoint's policy only narrows what roles allow
  #checkov:skip=CKV_AWS_49:It gives no right: an endpoint's policy only narrows what roles allow
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
  # The service's usual name leads here, so that no client has to be told.
  private_dns_enabled = true

  tags = { Name = "${var.name}-${each.key}" }

  lifecycle {
    create_before_destroy = true
  }
}

# Changes with the endpoints, and gives Terraform an order where NAT takes their place, or they take that of NAT: all that this depends
# on is there before it changes, and what it does not need any more is destroyed after that.
resource "terraform_data" "reached" {
  input = { services = var.services, subnet_ids = var.subnet_ids, security_group_id = var.security_group_id }

  depends_on = [aws_vpc_endpoint.main]
}
