resource "aws_cloudwatch_log_group" "flow_logs" {
  retention_in_days = 60
}

resource "aws_iam_role" "flow_logs" {
  description        = "Changed"
  assume_role_policy = jsonencode(merge(jsondecode(data.aws_iam_policy_document.flow_logs_trust.json), { Id = "changed" }))
}

resource "aws_iam_role_policy" "flow_logs" {
  policy = jsonencode(merge(jsondecode(data.aws_iam_policy_document.flow_logs.json), { Id = "changed" }))
}

resource "aws_flow_log" "main" {
  tags = { Name = "changed" }
}

resource "aws_vpc_endpoint" "gateway" {
  policy = jsonencode(merge(jsondecode(each.value), { Id = "changed" }))
  tags   = { Name = "changed" }
}

resource "aws_eip" "nat" {
  tags = { Name = "changed" }
}

resource "aws_nat_gateway" "zonal" {
  tags = { Name = "changed" }
}

resource "aws_subnet" "private" {
  tags = { Name = "changed" }
}

resource "aws_subnet" "public" {
  map_public_ip_on_launch = true
  tags                    = { Name = "changed" }
}

resource "aws_route_table" "private" {
  tags = { Name = "changed" }
}

resource "aws_route_table" "public" {
  tags = { Name = "changed" }
}

resource "aws_vpc" "main" {
  tags = { Name = "changed" }
}

resource "aws_internet_gateway" "main" {
  tags = { Name = "changed" }
}

resource "aws_default_security_group" "main" {
  tags = { Name = "changed" }
}
