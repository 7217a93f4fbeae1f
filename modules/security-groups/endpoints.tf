# No egress rule: endpoints only answer connections.
resource "aws_security_group" "endpoints" {
  #checkov:skip=CKV2_AWS_5:modules/interface-endpoints attaches it
  name_prefix = "${var.name}-endpoints-"
  description = "Interface endpoints of ${var.name}"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-endpoints" }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  security_group_id            = aws_security_group.endpoints.id
  description                  = "From the service"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = aws_security_group.service.id

  tags = { Name = "service" }
}

# Private names of endpoints resolve in the whole VPC, so other clients in a shared VPC depend on the endpoints as well.
resource "aws_vpc_security_group_ingress_rule" "endpoints_of_vpc" {
  for_each = var.endpoint_client_cidrs

  security_group_id = aws_security_group.endpoints.id
  description       = "From other clients in the VPC"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = each.key

  tags = { Name = each.key }
}
