output "dns_names" {
  description = "DNS name of each endpoint itself, by service: for a look at one that does not answer. Clients use the service's usual name."
  value       = { for service, endpoint in aws_vpc_endpoint.main : service => endpoint.dns_entry[0].dns_name }
}

output "endpoint_ids" {
  description = "Id of each endpoint, by service."
  value       = { for service, endpoint in aws_vpc_endpoint.main : service => endpoint.id }
}

output "subnet_ids" {
  description = "The subnets that were given, once the endpoints answer in them: a task that starts there reaches what it needs."
  value       = var.subnet_ids

  depends_on = [terraform_data.reached]
}
