data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

resource "aws_vpc" "main" {
  cidr_block = var.cidr
  # A /56 from Amazon's addresses.
  assign_generated_ipv6_cidr_block = var.ipv6
  # Both are required to resolve the private names of interface endpoints.
  enable_dns_hostnames = true
  enable_dns_support   = true

  tags = { Name = var.name }
}

resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id

  tags = { Name = var.name }
}

# No rules, so that a resource without a security group has no traffic. The lists are explicit: omitted lists would
# remove existing rules once, and keep rules added later by hand.
resource "aws_default_security_group" "main" {
  vpc_id  = aws_vpc.main.id
  ingress = []
  egress  = []

  tags = { Name = "${var.name}-unused" }
}
