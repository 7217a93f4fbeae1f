resource "aws_security_group" "service" {
  #checkov:skip=CKV2_AWS_5:modules/ecs-service attaches it
  name_prefix = "${var.name}-service-"
  description = "Tasks of ${var.name}"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-service" }

  lifecycle {
    create_before_destroy = true
  }
}

# The only ingress: each client's request passes the load balancer, and with it the limits on access to management.
resource "aws_vpc_security_group_ingress_rule" "service" {
  for_each = local.face_by_service_port

  security_group_id            = aws_security_group.service.id
  description                  = "From the load balancer: ${each.value}"
  ip_protocol                  = "tcp"
  from_port                    = each.key
  to_port                      = each.key
  referenced_security_group_id = aws_security_group.load_balancer.id

  tags = { Name = "load balancer ${each.key}" }
}

# No rule for DNS and credentials: security groups do not apply to the VPC's resolver and the task's metadata.

resource "aws_vpc_security_group_egress_rule" "service_endpoints" {
  security_group_id            = aws_security_group.service.id
  description                  = "To interface endpoints"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = aws_security_group.endpoints.id

  tags = { Name = "interface endpoints" }
}

resource "aws_vpc_security_group_egress_rule" "service_gateway_endpoints" {
  for_each = var.gateway_prefix_list_ids

  security_group_id = aws_security_group.service.id
  description       = "To ${each.key} by its gateway endpoint"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  prefix_list_id    = each.value

  tags = { Name = each.key }
}

# With NAT, tasks reach AWS by public endpoints, whose addresses are too many and change too often for a list. HTTPS
# egress only. To close it, give the network interface endpoints.
resource "aws_vpc_security_group_egress_rule" "service_internet" {
  count = var.internet_egress ? 1 : 0

  security_group_id = aws_security_group.service.id
  description       = "To AWS by NAT"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"

  tags = { Name = "internet" }

  # When interface endpoints replace NAT, remove this rule after the endpoints exist.
  lifecycle {
    create_before_destroy = true
  }
}
