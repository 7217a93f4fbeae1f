resource "aws_security_group" "endpoints" {
  tags = { Name = "changed" }
}

resource "aws_security_group" "load_balancer" {
  tags = { Name = "changed" }
}

resource "aws_security_group" "service" {
  tags = { Name = "changed" }
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  description                  = "Changed"
  ip_protocol                  = "udp"
  from_port                    = 444
  to_port                      = 445
  referenced_security_group_id = aws_security_group.endpoints.id
  tags                         = { Name = "changed" }
}

resource "aws_vpc_security_group_ingress_rule" "load_balancer" {
  description = "Changed"
  ip_protocol = "udp"
  from_port   = each.value.port + 100
  to_port     = each.value.port + 200
  cidr_ipv4   = "10.0.0.0/8"
  tags        = { Name = "changed" }
}

resource "aws_vpc_security_group_egress_rule" "load_balancer" {
  description                  = "Changed"
  ip_protocol                  = "udp"
  from_port                    = each.key + 100
  to_port                      = each.key + 200
  referenced_security_group_id = aws_security_group.load_balancer.id
  tags                         = { Name = "changed" }
}

resource "aws_vpc_security_group_ingress_rule" "service" {
  description                  = "Changed"
  ip_protocol                  = "udp"
  from_port                    = each.key + 100
  to_port                      = each.key + 200
  referenced_security_group_id = aws_security_group.service.id
  tags                         = { Name = "changed" }
}

resource "aws_vpc_security_group_egress_rule" "service_endpoints" {
  description                  = "Changed"
  ip_protocol                  = "udp"
  from_port                    = 444
  to_port                      = 445
  referenced_security_group_id = aws_security_group.service.id
  tags                         = { Name = "changed" }
}

resource "aws_vpc_security_group_egress_rule" "service_gateway_endpoints" {
  description = "Changed"
  ip_protocol = "udp"
  from_port   = 444
  to_port     = 445
  tags        = { Name = "changed" }
}

resource "aws_vpc_security_group_egress_rule" "service_internet" {
  description = "Changed"
  ip_protocol = "udp"
  from_port   = 444
  to_port     = 445
  cidr_ipv4   = "10.0.0.0/8"
  tags        = { Name = "changed" }
}
