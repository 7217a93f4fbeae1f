# A zone's letter decides the subnet's CIDR, not the number of zones: of sixteen equal blocks the first eight are
# private a to h, the last eight public a to h. Adding or removing a zone moves no other subnet.
#
# All resources of a zone have create_before_destroy, here and in the other files, so that Terraform destroys them last:
# after all users of a removed zone have left, because AWS deletes no subnet in use; and after the replacement of a
# route out.

locals {
  letters = ["a", "b", "c", "d", "e", "f", "g", "h"]
}

resource "aws_subnet" "private" {
  for_each = var.zones

  vpc_id            = aws_vpc.main.id
  availability_zone = "${data.aws_region.current.region}${each.key}"
  cidr_block        = cidrsubnet(var.cidr, 4, index(local.letters, each.key))

  tags = { Name = "${var.name}-private-${each.key}" }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_subnet" "public" {
  for_each = var.zones

  vpc_id            = aws_vpc.main.id
  availability_zone = "${data.aws_region.current.region}${each.key}"
  cidr_block        = cidrsubnet(var.cidr, 4, 8 + index(local.letters, each.key))
  ipv6_cidr_block   = var.ipv6 ? cidrsubnet(aws_vpc.main.ipv6_cidr_block, 8, 8 + index(local.letters, each.key)) : null
  # Load balancers and NAT gateways request their public addresses explicitly.
  map_public_ip_on_launch = false

  tags = { Name = "${var.name}-public-${each.key}" }

  lifecycle {
    create_before_destroy = true
  }
}

# One for each zone in every NAT mode: a change of the mode then changes routes and no association.
resource "aws_route_table" "private" {
  for_each = var.zones

  vpc_id = aws_vpc.main.id

  tags = { Name = "${var.name}-private-${each.key}" }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route_table_association" "private" {
  for_each = var.zones

  route_table_id = aws_route_table.private[each.key].id
  subnet_id      = aws_subnet.private[each.key].id

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.main.id

  tags = { Name = "${var.name}-public" }
}

resource "aws_route_table_association" "public" {
  for_each = var.zones

  route_table_id = aws_route_table.public.id
  subnet_id      = aws_subnet.public[each.key].id

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route" "public_internet" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.main.id
}

resource "aws_route" "public_internet_ipv6" {
  count = var.ipv6 ? 1 : 0

  route_table_id              = aws_route_table.public.id
  destination_ipv6_cidr_block = "::/0"
  gateway_id                  = aws_internet_gateway.main.id
}
