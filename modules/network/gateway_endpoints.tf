# They cost nothing and spare NAT the larger part of its traffic, so they are always there. Their policies let nobody carry data
# out through them, not even with rights in an account of their own.

data "aws_iam_policy_document" "s3" {
  statement {
    sid       = "LayersOfImages"
    actions   = ["s3:GetObject"]
    resources = ["arn:${data.aws_partition.current.partition}:s3:::prod-${data.aws_region.current.region}-starport-layer-bucket/*"]

    # ECR hands out links to its own bucket, signed by itself.
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

    # What a principal may do is for its role to say. This says whose principals may come this way.
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

# Not as the endpoint's list of tables: that would let go of the table of a zone while tasks are still in it.
resource "aws_vpc_endpoint_route_table_association" "private" {
  for_each = { for it in setproduct(keys(aws_vpc_endpoint.gateway), var.zones) : join("-", it) => { service = it[0], zone = it[1] } }

  vpc_endpoint_id = aws_vpc_endpoint.gateway[each.value.service].id
  route_table_id  = aws_route_table.private[each.value.zone].id

  lifecycle {
    create_before_destroy = true
  }
}

# An environment that saves NAT by running tasks in public subnets wants them as much.
resource "aws_vpc_endpoint_route_table_association" "public" {
  for_each = aws_vpc_endpoint.gateway

  vpc_endpoint_id = each.value.id
  route_table_id  = aws_route_table.public.id
}
