# The same outputs as modules/network, so that a caller can use either.

output "cidr" {
  description = "IPv4 network of the VPC, without its secondary networks."
  value       = data.aws_vpc.main.cidr_block
}

output "gateway_prefix_list_ids" {
  description = "Id of the prefix list of `s3` and `dynamodb`, for rules of security groups."
  value       = { for service, list in data.aws_ec2_managed_prefix_list.main : service => list.id }
}

output "load_balancer_subnet_ids" {
  description = "Id of each of the load balancer's subnets by zone letter."
  value       = { for zone, ids in local.subnets.load_balancer : zone => one(ids) }

  precondition {
    condition     = alltrue([for ids in values(local.subnets.load_balancer) : length(ids) == 1])
    error_message = "A load balancer accepts one subnet in each zone. Name one of each: ${join("; ", [for zone, ids in local.subnets.load_balancer : "zone ${zone}: ${join(", ", ids)}" if length(ids) > 1])}."
  }

  precondition {
    condition     = length(local.subnets.load_balancer) >= 2
    error_message = "All subnets of the load balancer are in one zone, and a load balancer needs two. Name a subnet in another zone."
  }
}

output "proxy_cidrs" {
  description = "IPv4 networks with the load balancer's addresses, so that the service can trust their `X-Forwarded-For`."
  value       = [for id in sort(var.load_balancer_subnet_ids) : data.aws_subnet.main[id].cidr_block]
}

output "task_subnet_ids" {
  description = "Id of each subnet of tasks by zone letter."
  value       = { for zone, ids in local.subnets.tasks : zone => one(ids) }

  precondition {
    condition     = alltrue([for ids in values(local.subnets.tasks) : length(ids) == 1])
    error_message = "An interface endpoint accepts one subnet in each zone. Name one of each: ${join("; ", [for zone, ids in local.subnets.tasks : "zone ${zone}: ${join(", ", ids)}" if length(ids) > 1])}."
  }

  precondition {
    condition     = length(local.subnets.tasks) >= 2
    error_message = "All subnets of tasks are in one zone, which can fail. Name a subnet in another zone."
  }
}

output "vpc_id" {
  description = "Id of the VPC."
  value       = data.aws_vpc.main.id
}
