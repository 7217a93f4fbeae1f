# The place of a subnet is decided by its zone's letter and not by how many zones there are: of sixteen equal blocks the first eight
# are private a to h, the last eight public a to h. A zone that comes or goes moves none of the others.
#
# What a zone has is made before it is destroyed, here and in the other files. Terraform then destroys it last: after all that is in a
# zone that goes has left it, without which AWS deletes no subnet, and after a new way out has taken the old one's place.

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
  # Whoever needs a public address says so: load balancers and NAT gateways do.
  map_public_ip_on_launch = false

  tags = { Name = "${var.name}-public-${each.key}" }

  lifecycle {
    create_before_destroy = true
  }
}

# One for each zone, whatever the NAT mode is: a change of the mode then changes routes and no association.
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
