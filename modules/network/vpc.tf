data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

resource "aws_vpc" "main" {
  cidr_block = var.cidr
  # Both, or else the private names of interface endpoints do not resolve.
  enable_dns_hostnames = true
  enable_dns_support   = true

  tags = { Name = var.name }
}

resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id

  tags = { Name = var.name }
}

# Without rules, so that what forgets to name a security group talks to nobody. Written out: rules that are not mentioned would be
# taken away once, and those that somebody adds later would stay.
resource "aws_default_security_group" "main" {
  vpc_id  = aws_vpc.main.id
  ingress = []
  egress  = []

  tags = { Name = "${var.name}-unused" }
}
