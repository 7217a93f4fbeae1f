# Reads a VPC of other owners, and refuses it where Echo could not run. Creates nothing.

data "aws_region" "current" {}

data "aws_vpc" "main" {
  id = var.vpc_id

  lifecycle {
    postcondition {
      condition     = !var.interface_endpoints || (self.enable_dns_support && self.enable_dns_hostnames)
      error_message = "The private names of interface endpoints need `enable_dns_support` and `enable_dns_hostnames`, and ${var.vpc_id} lacks one of them. Switch both on, or set `interface_endpoints` to false and give the VPC another way to AWS."
    }
  }
}

data "aws_subnet" "main" {
  for_each = setunion(var.task_subnet_ids, var.load_balancer_subnet_ids)

  id = each.key

  lifecycle {
    postcondition {
      condition     = self.vpc_id == var.vpc_id
      error_message = "${self.id} is a subnet of ${self.vpc_id}. Name subnets of ${var.vpc_id}."
    }

    postcondition {
      condition     = !contains(var.task_subnet_ids, self.id) || self.available_ip_address_count >= var.addresses
      error_message = "${self.id} has ${self.available_ip_address_count} free addresses, and the environment needs ${var.addresses} in each subnet of tasks. Name a larger subnet, or lower `capacity.max`."
    }

    # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html
    postcondition {
      condition     = !contains(var.load_balancer_subnet_ids, self.id) || self.available_ip_address_count >= 8
      error_message = "A load balancer needs 8 free addresses in each of its subnets, and ${self.id} has ${self.available_ip_address_count}. Name another subnet of ${self.availability_zone}."
    }

    postcondition {
      condition     = !var.ipv6 || !contains(var.load_balancer_subnet_ids, self.id) || try(length(self.ipv6_cidr_block) > 0, false)
      error_message = "${self.id} has no IPv6 network, so the load balancer cannot have IPv6 addresses there. Give the subnet one, or leave `access.ipv6` out."
    }
  }
}

# Rules of security groups name DynamoDB and S3 by these lists, with or without gateway endpoints in the VPC.
data "aws_ec2_managed_prefix_list" "main" {
  for_each = toset(["dynamodb", "s3"])

  name = "com.amazonaws.${data.aws_region.current.region}.${each.key}"
}

locals {
  # AWS's letter of each subnet's zone. A load balancer accepts one subnet in each zone.
  zones = { for id, subnet in data.aws_subnet.main : id => trimprefix(subnet.availability_zone, data.aws_region.current.region) }
  subnets = {
    load_balancer = { for id in var.load_balancer_subnet_ids : local.zones[id] => id... }
    tasks         = { for id in var.task_subnet_ids : local.zones[id] => id... }
  }
}
