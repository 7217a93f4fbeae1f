output "cidr" {
  description = "IPv4 network of the VPC: the load balancer's addresses are in it, so that the service can believe what it says of clients."
  value       = aws_vpc.main.cidr_block
}

output "gateway_prefix_list_ids" {
  description = "Id of the prefix list of each gateway endpoint, by `s3` and `dynamodb`: what security groups open instead of all addresses."
  value       = { for service, endpoint in aws_vpc_endpoint.gateway : service => endpoint.prefix_list_id }
}

output "nat_public_ips" {
  description = "Addresses from which the private subnets reach the internet, for the allow lists of others. Empty without NAT; a regional NAT gateway adds some with each zone that it spreads to."
  value = toset(concat(
    [for address in aws_eip.nat : address.public_ip],
    flatten([for gateway in aws_nat_gateway.regional : [for address in gateway.regional_nat_gateway_address : address.public_ip]])
  ))
}

output "private_subnet_ids" {
  description = "Id of the private subnet by zone letter: for tasks and interface endpoints. Usable only once the routes are there."
  value       = { for zone, subnet in aws_subnet.private : zone => subnet.id }

  # A task that starts before its way out exists fails to pull its image.
  depends_on = [aws_route_table_association.private, aws_route.private_internet, aws_vpc_endpoint_route_table_association.private]
}

output "public_subnet_ids" {
  description = "Id of the public subnet by zone letter: for the load balancer."
  value       = { for zone, subnet in aws_subnet.public : zone => subnet.id }

  # A load balancer needs a way to the internet when it is made.
  depends_on = [aws_route_table_association.public, aws_route.public_internet]
}

output "vpc_id" {
  description = "Id of the VPC."
  value       = aws_vpc.main.id
}
