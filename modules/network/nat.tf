locals {
  first_zone      = sort(var.zones)[0]
  zonal_nat_zones = var.nat == "per_az" ? var.zones : var.nat == "single" ? toset([local.first_zone]) : toset([])
}

resource "aws_eip" "nat" {
  for_each = local.zonal_nat_zones

  domain = "vpc"

  tags = { Name = "${var.name}-nat-${each.key}" }

  depends_on = [aws_internet_gateway.main]

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_nat_gateway" "zonal" {
  for_each = local.zonal_nat_zones

  allocation_id = aws_eip.nat[each.key].id
  subnet_id     = aws_subnet.public[each.key].id

  tags = { Name = "${var.name}-${each.key}" }

  depends_on = [aws_route.public_internet]

  lifecycle {
    create_before_destroy = true
  }
}

# Without a subnet: AWS adds addresses in each zone with workloads.
resource "aws_nat_gateway" "regional" {
  count = var.nat == "regional" ? 1 : 0

  vpc_id            = aws_vpc.main.id
  availability_mode = "regional"

  tags = { Name = var.name }

  depends_on = [aws_internet_gateway.main]

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_route" "private_internet" {
  for_each = var.nat == "none" ? toset([]) : var.zones

  route_table_id         = aws_route_table.private[each.key].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id = (
    var.nat == "regional" ? aws_nat_gateway.regional[0].id :
    aws_nat_gateway.zonal[var.nat == "per_az" ? each.key : local.first_zone].id
  )

  lifecycle {
    create_before_destroy = true
  }
}
