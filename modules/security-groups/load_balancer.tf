resource "aws_security_group" "load_balancer" {
  #checkov:skip=CKV2_AWS_5:modules/load-balancer attaches it
  name_prefix = "${var.name}-load-balancer-"
  description = "Load balancer of ${var.name}"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-load-balancer" }

  # AWS cannot delete a group in use: create the new group first.
  lifecycle {
    create_before_destroy = true
  }
}

locals {
  # AWS identifies a rule by port and network, like this key. A port with a new purpose, such as 80 after a certificate
  # is added, keeps its rule and gets another description. Two rules that swap ports would briefly be equal, which AWS
  # refuses.
  load_balancer_ingress = merge(
    { for cidr in var.mocks.cidrs : "${var.mocks.port} ${cidr}" => { cidr = cidr, port = var.mocks.port, description = "Mocks" } },
    { for cidr in var.management.cidrs : "${var.management.port} ${cidr}" => { cidr = cidr, port = var.management.port, description = "Management" } },
    { for cidr in var.redirect_port == null ? toset([]) : var.mocks.cidrs : "${var.redirect_port} ${cidr}" => { cidr = cidr, port = var.redirect_port, description = "Redirect to HTTPS" } },
  )

  face_by_service_port = { for face, port in var.service_ports : port => face }
}

resource "aws_vpc_security_group_ingress_rule" "load_balancer" {
  #checkov:skip=CKV_AWS_260:Port 80 is as open as the mocks, and with a certificate it only redirects
  for_each = local.load_balancer_ingress

  security_group_id = aws_security_group.load_balancer.id
  description       = each.value.description
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
  cidr_ipv4         = strcontains(each.value.cidr, ":") ? null : each.value.cidr
  cidr_ipv6         = strcontains(each.value.cidr, ":") ? each.value.cidr : null

  tags = { Name = each.key }
}

resource "aws_vpc_security_group_egress_rule" "load_balancer" {
  for_each = local.face_by_service_port

  security_group_id            = aws_security_group.load_balancer.id
  description                  = "To the service: ${each.value}"
  ip_protocol                  = "tcp"
  from_port                    = each.key
  to_port                      = each.key
  referenced_security_group_id = aws_security_group.service.id

  tags = { Name = "service ${each.key}" }
}
