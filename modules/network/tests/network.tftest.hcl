# Planned by the real provider, without AWS.

provider "aws" {
  region                      = "eu-central-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
  skip_region_validation      = true
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

variables {
  name  = "echo-test"
  cidr  = "10.20.0.0/16"
  zones = ["f", "c"]
  nat   = "single"
}

run "two_zones_single_nat" {
  command = plan

  override_resource {
    target          = aws_internet_gateway.main
    override_during = plan
    values          = { id = "igw-1" }
  }
  override_resource {
    target          = aws_nat_gateway.zonal["c"]
    override_during = plan
    values          = { id = "nat-c" }
  }
  override_resource {
    target          = aws_cloudwatch_log_group.flow_logs
    override_during = plan
    values          = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:/echo/echo-test/flow-logs" }
  }
  override_resource {
    target          = aws_route_table.public
    override_during = plan
    values          = { id = "rtb-public" }
  }
  override_resource {
    target          = aws_route_table.private["c"]
    override_during = plan
    values          = { id = "rtb-private-c" }
  }
  override_resource {
    target          = aws_route_table.private["f"]
    override_during = plan
    values          = { id = "rtb-private-f" }
  }
  override_resource {
    target          = aws_vpc_endpoint.gateway["s3"]
    override_during = plan
    values          = { prefix_list_id = "pl-s3" }
  }
  override_resource {
    target          = aws_vpc_endpoint.gateway["dynamodb"]
    override_during = plan
    values          = { prefix_list_id = "pl-dynamodb" }
  }

  # The next run has the same lines among six others: an added zone moves no subnet.
  assert {
    condition     = { for zone, subnet in aws_subnet.private : zone => "${subnet.availability_zone} ${subnet.cidr_block}" } == { c = "eu-central-1c 10.20.32.0/20", f = "eu-central-1f 10.20.80.0/20" }
    error_message = "The private subnets of two zones do not have the addresses of their letters."
  }
  assert {
    condition     = { for zone, subnet in aws_subnet.public : zone => "${subnet.availability_zone} ${subnet.cidr_block}" } == { c = "eu-central-1c 10.20.160.0/20", f = "eu-central-1f 10.20.208.0/20" }
    error_message = "The public subnets of two zones do not have the addresses of their letters."
  }
  assert {
    condition     = alltrue([for subnet in aws_subnet.public : subnet.map_public_ip_on_launch == false])
    error_message = "A subnet may not assign public addresses by itself."
  }

  assert {
    condition     = keys(aws_nat_gateway.zonal) == ["c"] && keys(aws_eip.nat) == ["c"] && length(aws_nat_gateway.regional) == 0
    error_message = "`single` must create one NAT gateway, in the first zone."
  }
  assert {
    condition     = { for zone, route in aws_route.private_internet : zone => "${route.destination_cidr_block} ${route.route_table_id} ${route.nat_gateway_id}" } == { c = "0.0.0.0/0 rtb-private-c nat-c", f = "0.0.0.0/0 rtb-private-f nat-c" }
    error_message = "With `single` every private subnet must route to the one NAT gateway."
  }
  assert {
    condition     = aws_route.public_internet.gateway_id == "igw-1" && aws_route.public_internet.route_table_id == "rtb-public" && aws_route.public_internet.destination_cidr_block == "0.0.0.0/0"
    error_message = "Public subnets must route to the internet gateway."
  }
  assert {
    condition     = alltrue([for zone, link in aws_route_table_association.private : link.route_table_id == "rtb-private-${zone}"]) && length(aws_route_table_association.private) == 2
    error_message = "Each private subnet must have the route table of its zone."
  }
  assert {
    condition     = alltrue([for link in aws_route_table_association.public : link.route_table_id == "rtb-public"]) && length(aws_route_table_association.public) == 2
    error_message = "Each public subnet must have the public route table."
  }

  assert {
    condition     = { for service, endpoint in aws_vpc_endpoint.gateway : service => "${endpoint.vpc_endpoint_type} ${endpoint.service_name}" } == { dynamodb = "Gateway com.amazonaws.eu-central-1.dynamodb", s3 = "Gateway com.amazonaws.eu-central-1.s3" }
    error_message = "S3 and DynamoDB must have gateway endpoints."
  }
  assert {
    condition = { for key, link in aws_vpc_endpoint_route_table_association.private : key => link.route_table_id } == {
      dynamodb-c = "rtb-private-c", dynamodb-f = "rtb-private-f", s3-c = "rtb-private-c", s3-f = "rtb-private-f"
    } && { for key, link in aws_vpc_endpoint_route_table_association.public : key => link.route_table_id } == { dynamodb = "rtb-public", s3 = "rtb-public" }
    error_message = "Each route table must have the gateway endpoints."
  }
  assert {
    condition     = output.gateway_prefix_list_ids == { dynamodb = "pl-dynamodb", s3 = "pl-s3" }
    error_message = "The output must have the prefix lists by the names of their services."
  }
  assert {
    condition     = [for statement in jsondecode(aws_vpc_endpoint.gateway["s3"].policy).Statement : [statement.Action, statement.Resource]] == [["s3:GetObject", "arn:aws:s3:::prod-eu-central-1-starport-layer-bucket/*"]]
    error_message = "The S3 endpoint must allow only reads of image layers."
  }
  assert {
    condition = [for statement in jsondecode(aws_vpc_endpoint.gateway["dynamodb"].policy).Statement : [statement.Effect, statement.Action, statement.Resource, statement.Condition]] == [[
      "Allow", "dynamodb:*", "arn:aws:dynamodb:eu-central-1:123456789012:table/*", { StringEquals = { "aws:PrincipalAccount" = "123456789012" } }
    ]]
    error_message = "The DynamoDB endpoint must allow only this account to access its own tables."
  }

  assert {
    condition     = aws_vpc.main.enable_dns_support && aws_vpc.main.enable_dns_hostnames
    error_message = "The VPC's DNS must be on for the private names of interface endpoints."
  }
  assert {
    condition     = length(aws_default_security_group.main.ingress) == 0 && length(aws_default_security_group.main.egress) == 0
    error_message = "The default security group must have no rule."
  }

  assert {
    condition     = aws_flow_log.main.traffic_type == "ALL" && aws_flow_log.main.log_destination == aws_cloudwatch_log_group.flow_logs.arn
    error_message = "Flow logs must record all traffic into their log group."
  }
  assert {
    condition     = aws_cloudwatch_log_group.flow_logs.retention_in_days == 30
    error_message = "Flow logs must be kept for 30 days by default."
  }
  assert {
    condition = jsondecode(aws_iam_role.flow_logs.assume_role_policy).Statement == [{
      Action    = "sts:AssumeRole"
      Effect    = "Allow"
      Principal = { Service = "vpc-flow-logs.amazonaws.com" }
      Condition = {
        ArnLike      = { "aws:SourceArn" = "arn:aws:ec2:eu-central-1:123456789012:vpc-flow-log/*" }
        StringEquals = { "aws:SourceAccount" = "123456789012" }
      }
    }]
    error_message = "Only flow logs of this account may use the role."
  }
  assert {
    condition = [for statement in data.aws_iam_policy_document.flow_logs.statement : statement.resources] == [toset([
      "arn:aws:logs:eu-central-1:123456789012:log-group:/echo/echo-test/flow-logs",
      "arn:aws:logs:eu-central-1:123456789012:log-group:/echo/echo-test/flow-logs:*",
    ])]
    error_message = "The role may write to its own log group and to no other."
  }
  assert {
    condition = [for statement in data.aws_iam_policy_document.flow_logs.statement : statement.actions] == [toset([
      "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents",
    ])]
    error_message = "The role may write records, and neither read nor delete them."
  }
  assert {
    condition     = aws_iam_role.flow_logs.permissions_boundary == null
    error_message = "Without a given boundary the role must have none."
  }
}

run "eight_zones_nat_per_zone" {
  command = plan

  variables {
    zones                    = ["a", "b", "c", "d", "e", "f", "g", "h"]
    nat                      = "per_az"
    flow_log_retention_days  = 90
    permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
  }

  override_resource {
    target          = aws_nat_gateway.zonal["a"]
    override_during = plan
    values          = { id = "nat-a" }
  }
  override_resource {
    target          = aws_nat_gateway.zonal["f"]
    override_during = plan
    values          = { id = "nat-f" }
  }

  assert {
    condition = { for zone, subnet in aws_subnet.private : zone => "${subnet.availability_zone} ${subnet.cidr_block}" } == {
      a = "eu-central-1a 10.20.0.0/20"
      b = "eu-central-1b 10.20.16.0/20"
      c = "eu-central-1c 10.20.32.0/20"
      d = "eu-central-1d 10.20.48.0/20"
      e = "eu-central-1e 10.20.64.0/20"
      f = "eu-central-1f 10.20.80.0/20"
      g = "eu-central-1g 10.20.96.0/20"
      h = "eu-central-1h 10.20.112.0/20"
    }
    error_message = "Six more zones move a private subnet: the apply would replace the subnet with all its tasks."
  }
  assert {
    condition = { for zone, subnet in aws_subnet.public : zone => "${subnet.availability_zone} ${subnet.cidr_block}" } == {
      a = "eu-central-1a 10.20.128.0/20"
      b = "eu-central-1b 10.20.144.0/20"
      c = "eu-central-1c 10.20.160.0/20"
      d = "eu-central-1d 10.20.176.0/20"
      e = "eu-central-1e 10.20.192.0/20"
      f = "eu-central-1f 10.20.208.0/20"
      g = "eu-central-1g 10.20.224.0/20"
      h = "eu-central-1h 10.20.240.0/20"
    }
    error_message = "Six more zones move a public subnet: the apply would replace the subnet, with the load balancer's part in it."
  }

  assert {
    condition     = toset(keys(aws_nat_gateway.zonal)) == var.zones && toset(keys(aws_eip.nat)) == var.zones && length(aws_nat_gateway.regional) == 0
    error_message = "`per_az` must create one NAT gateway with its address in each zone."
  }
  assert {
    condition     = aws_route.private_internet["a"].nat_gateway_id == "nat-a" && aws_route.private_internet["f"].nat_gateway_id == "nat-f" && length(aws_route.private_internet) == 8
    error_message = "With `per_az` each zone must route to its own NAT gateway, so that a failed zone does not affect others."
  }
  assert {
    condition     = aws_cloudwatch_log_group.flow_logs.retention_in_days == 90
    error_message = "flow_log_retention_days must reach the log group."
  }
  assert {
    condition     = aws_iam_role.flow_logs.permissions_boundary == "arn:aws:iam::123456789012:policy/boundary"
    error_message = "The role must have the given boundary."
  }
}

run "regional_nat" {
  command = plan

  variables {
    nat = "regional"
  }

  override_resource {
    target          = aws_vpc.main
    override_during = plan
    values          = { id = "vpc-1" }
  }
  override_resource {
    target          = aws_route_table.private["c"]
    override_during = plan
    values          = { id = "rtb-private-c" }
  }
  override_resource {
    target          = aws_route_table.private["f"]
    override_during = plan
    values          = { id = "rtb-private-f" }
  }
  # The mock sets the addresses, which only AWS knows. The example uses the real provider for this resource.
  override_resource {
    target          = aws_nat_gateway.regional[0]
    override_during = plan
    values          = { id = "nat-regional", regional_nat_gateway_address = [{ public_ip = "192.0.2.1" }, { public_ip = "192.0.2.2" }] }
  }

  assert {
    condition     = one(aws_nat_gateway.regional).availability_mode == "regional" && one(aws_nat_gateway.regional).vpc_id == "vpc-1"
    error_message = "`regional` must create one NAT gateway of the VPC, in regional mode."
  }
  assert {
    condition     = one(aws_nat_gateway.regional).subnet_id == null && one(aws_nat_gateway.regional).allocation_id == null
    error_message = "AWS refuses a regional NAT gateway that names a subnet or an address."
  }
  assert {
    condition     = length(aws_nat_gateway.zonal) == 0 && length(aws_eip.nat) == 0
    error_message = "`regional` must not create zonal NAT gateways or addresses."
  }
  assert {
    condition     = { for zone, route in aws_route.private_internet : zone => "${route.destination_cidr_block} ${route.route_table_id} ${route.nat_gateway_id}" } == { c = "0.0.0.0/0 rtb-private-c nat-regional", f = "0.0.0.0/0 rtb-private-f nat-regional" }
    error_message = "With `regional` every private subnet must route to the one NAT gateway."
  }
  assert {
    condition     = output.nat_public_ips == toset(["192.0.2.1", "192.0.2.2"])
    error_message = "The output must have the addresses of a regional NAT gateway."
  }
}

run "no_nat_in_the_smallest_network" {
  command = plan

  variables {
    nat  = "none"
    cidr = "192.168.4.0/22"
  }

  assert {
    condition     = length(aws_route.private_internet) == 0 && length(aws_nat_gateway.zonal) == 0 && length(aws_nat_gateway.regional) == 0 && length(aws_eip.nat) == 0
    error_message = "With `none` no private subnet may have a route to the internet."
  }
  assert {
    condition     = output.nat_public_ips == toset([])
    error_message = "Without NAT the output of addresses must be empty."
  }
  assert {
    condition     = aws_subnet.private["c"].cidr_block == "192.168.4.128/26" && aws_subnet.public["f"].cidr_block == "192.168.7.64/26"
    error_message = "A /22 must be divided into sixteen /26."
  }
}

run "ipv6" {
  command = plan

  variables {
    ipv6 = true
  }

  override_resource {
    target          = aws_vpc.main
    override_during = plan
    values          = { ipv6_cidr_block = "2001:db8:1234:1a00::/56" }
  }

  assert {
    condition     = { for zone, subnet in aws_subnet.public : zone => subnet.ipv6_cidr_block } == { c = "2001:db8:1234:1a0a::/64", f = "2001:db8:1234:1a0d::/64" }
    error_message = "The letter of a zone must decide the IPv6 network, as it decides the IPv4 network."
  }
  assert {
    condition     = aws_vpc.main.assign_generated_ipv6_cidr_block && aws_route.public_internet_ipv6[0].destination_ipv6_cidr_block == "::/0"
    error_message = "Public subnets must have a route to the internet by IPv6."
  }
}

run "example_regional_nat" {
  command = plan

  override_data {
    target = module.network.data.aws_caller_identity.current
    values = { account_id = "123456789012" }
  }

  module {
    source = "./examples/regional-nat"
  }
}
