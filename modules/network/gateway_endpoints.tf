# Gateway endpoints are free and take most traffic off NAT, so each network has them. Their policies keep data inside
# the account, even from an intruder with rights in another account.

data "aws_iam_policy_document" "s3" {
  statement {
    sid       = "LayersOfImages"
    actions   = ["s3:GetObject"]
    resources = ["arn:${data.aws_partition.current.partition}:s3:::prod-${data.aws_region.current.region}-starport-layer-bucket/*"]

    # ECR returns links to its own bucket, signed by ECR.
    principals {
      type        = "*"
      identifiers = ["*"]
    }
  }
}

data "aws_iam_policy_document" "dynamodb" {
  statement {
    sid       = "TablesOfThisAccount"
    actions   = ["dynamodb:*"]
    resources = ["arn:${data.aws_partition.current.partition}:dynamodb:${data.aws_region.current.region}:${data.aws_caller_identity.current.account_id}:table/*"]

    # Admit principals of this account only. Roles decide the rights of each principal.
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

resource "aws_vpc_endpoint" "gateway" {
  for_each = {
    dynamodb = data.aws_iam_policy_document.dynamodb.json
    s3       = data.aws_iam_policy_document.s3.json
  }

  vpc_id            = aws_vpc.main.id
  service_name      = "com.amazonaws.${data.aws_region.current.region}.${each.key}"
  vpc_endpoint_type = "Gateway"
  policy            = each.value

  tags = { Name = "${var.name}-${each.key}" }
}

# Separate associations instead of the endpoint's list of route tables: a change of the list would release the table of
# a zone with running tasks.
resource "aws_vpc_endpoint_route_table_association" "private" {
  for_each = { for it in setproduct(keys(aws_vpc_endpoint.gateway), var.zones) : join("-", it) => { service = it[0], zone = it[1] } }

  vpc_endpoint_id = aws_vpc_endpoint.gateway[each.value.service].id
  route_table_id  = aws_route_table.private[each.value.zone].id

  lifecycle {
    create_before_destroy = true
  }
}

# Environments that run tasks in public subnets to save NAT need the endpoints as well.
resource "aws_vpc_endpoint_route_table_association" "public" {
  for_each = aws_vpc_endpoint.gateway

  vpc_endpoint_id = each.value.id
  route_table_id  = aws_route_table.public.id
}
