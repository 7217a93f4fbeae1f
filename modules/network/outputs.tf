output "cidr" {
  description = "IPv4 network of the VPC. Contains the load balancer's addresses, so that the service can trust their `X-Forwarded-For`."
  value       = aws_vpc.main.cidr_block
}

output "gateway_prefix_list_ids" {
  description = "Id of each gateway endpoint's prefix list, by `s3` and `dynamodb`, for rules of security groups."
  value       = { for service, endpoint in aws_vpc_endpoint.gateway : service => endpoint.prefix_list_id }
}

output "nat_public_ips" {
  description = "Public addresses of the private subnets' outgoing connections, for other parties' allow lists. Empty without NAT; a regional NAT gateway adds addresses with each new zone."
  value = toset(concat(
    [for address in aws_eip.nat : address.public_ip],
    flatten([for gateway in aws_nat_gateway.regional : [for address in gateway.regional_nat_gateway_address : address.public_ip]])
  ))
}

output "private_subnet_ids" {
  description = "Id of each private subnet by zone letter, for tasks and interface endpoints. Available once the routes exist."
  value       = { for zone, subnet in aws_subnet.private : zone => subnet.id }

  # A task without its route out cannot pull its image.
  depends_on = [aws_route_table_association.private, aws_route.private_internet, aws_vpc_endpoint_route_table_association.private]
}

output "public_subnet_ids" {
  description = "Id of each public subnet by zone letter, for the load balancer."
  value       = { for zone, subnet in aws_subnet.public : zone => subnet.id }

  # A load balancer needs a route to the internet at its creation.
  depends_on = [aws_route_table_association.public, aws_route.public_internet, aws_route.public_internet_ipv6]
}

output "vpc_id" {
  description = "Id of the VPC."
  value       = aws_vpc.main.id
}
