output "endpoints_id" {
  description = "Id of the group of the interface endpoints."
  value       = aws_security_group.endpoints.id

  # Includes the rules that change between NAT and endpoints, so that modules/interface-endpoints orders the change.
  depends_on = [aws_vpc_security_group_ingress_rule.endpoints, aws_vpc_security_group_ingress_rule.endpoints_of_vpc, aws_vpc_security_group_egress_rule.service_internet]
}

output "load_balancer_id" {
  description = "Id of the group of the load balancer."
  value       = aws_security_group.load_balancer.id

  depends_on = [aws_vpc_security_group_ingress_rule.load_balancer, aws_vpc_security_group_egress_rule.load_balancer]
}

output "service_id" {
  description = "Id of the group of the service's tasks."
  value       = aws_security_group.service.id

  # Without these rules a task can neither pull its image nor pass its health check.
  depends_on = [
    aws_vpc_security_group_egress_rule.service_endpoints,
    aws_vpc_security_group_egress_rule.service_gateway_endpoints,
    aws_vpc_security_group_egress_rule.service_internet,
    aws_vpc_security_group_ingress_rule.service,
  ]
}
