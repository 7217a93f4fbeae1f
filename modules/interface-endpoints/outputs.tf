output "dns_names" {
  description = "DNS name of each endpoint, by service, for fault finding. Clients use the service's usual name."
  value       = { for service, endpoint in aws_vpc_endpoint.main : service => endpoint.dns_entry[0].dns_name }
}

output "endpoint_ids" {
  description = "Id of each endpoint, by service."
  value       = { for service, endpoint in aws_vpc_endpoint.main : service => endpoint.id }
}

output "subnet_ids" {
  description = "The given subnets, available once the endpoints answer in them. Place tasks there: they reach all given services."
  value       = var.subnet_ids

  depends_on = [terraform_data.reached]
}
