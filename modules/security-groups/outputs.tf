output "endpoints_id" {
  description = "Id of the group of the interface endpoints."
  value       = aws_security_group.endpoints.id

  # With what goes, or comes, when endpoints take NAT's place, or NAT theirs: modules/interface-endpoints puts it in order.
  depends_on = [aws_vpc_security_group_ingress_rule.endpoints, aws_vpc_security_group_egress_rule.service_internet]
}

output "load_balancer_id" {
  description = "Id of the group of the load balancer."
  value       = aws_security_group.load_balancer.id

  depends_on = [aws_vpc_security_group_ingress_rule.load_balancer, aws_vpc_security_group_egress_rule.load_balancer]
}

output "service_id" {
  description = "Id of the group of the service's tasks."
  value       = aws_security_group.service.id

  # A task that starts without them can neither pull its image nor be found healthy.
  depends_on = [
    aws_vpc_security_group_egress_rule.service_endpoints,
    aws_vpc_security_group_egress_rule.service_gateway_endpoints,
    aws_vpc_security_group_egress_rule.service_internet,
    aws_vpc_security_group_ingress_rule.service,
  ]
}
