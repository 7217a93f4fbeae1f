"""An environment as calls: each line is a call as Terraform's provider sends it, and the part of its answer with the id of the made
resource: `SERVICE BODY > ANSWER`. test_order.py puts the calls in right and in wrong orders.
"""

import json

ELB = "arn:aws:elasticloadbalancing:eu-central-1:000000000000"
BALANCER = f"{ELB}:loadbalancer/app/echo-dev/1"
GROUP = f"{ELB}:targetgroup/echo-dev-mocks-8080/1"
LISTENER = f"{ELB}:listener/app/echo-dev/1"
CLUSTER = "arn:aws:ecs:eu-central-1:000000000000:cluster/echo-dev"
SERVICE = "arn:aws:ecs:eu-central-1:000000000000:service/echo-dev/echo"
ACL = "arn:aws:wafv2:eu-central-1:000000000000:regional/webacl/echo-dev/acl-1"
POLICY = "arn:aws:iam::000000000000:policy/github/echo-boundary-dev"
SECRET = "arn:aws:secretsmanager:eu-central-1:000000000000:secret:echo-dev/keys/ci-AbCdEf"
TLS_POLICY = "&SslPolicy=ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"
CERTIFICATE = "&Certificates.member.1.CertificateArn=arn:aws:acm:eu-central-1:000000000000:certificate/1"
SERVICES = ("ecr.api", "ecr.dkr", "logs", "monitoring", "secretsmanager", "xray")


def ec2(action, answer="<return>true</return>", **given):
    """Members are written with `__` for a dot; an address keeps its slash escaped."""
    members = "".join(f"&{name.replace('__', '.')}={value.replace('/', '%2F')}" for name, value in given.items())
    return f"ec2 Action={action}{members}&Version=2016-11-15 > {answer}"


def elb(action, answer="<r/>", **given):
    return ec2(action, answer, **given).replace("ec2 ", "elasticloadbalancing ", 1).replace("2016-11-15", "2015-12-01")


def iam(action, answer="<r/>", **given):
    return ec2(action, answer, **given).replace("ec2 ", "iam ", 1).replace("2016-11-15", "2010-05-08")


def call(of, action, answer=None, /, **given):
    return f"{of} {action} {json.dumps(given)} > {json.dumps(answer or {})}"


def zone(letter):
    place = "abcdefgh".index(letter) * 16
    return [
        ec2("CreateSubnet", f"<subnetId>private-{letter}</subnetId>", CidrBlock=f"10.0.{place}.0/20", VpcId="vpc-1"),
        ec2("CreateSubnet", f"<subnetId>public-{letter}</subnetId>", CidrBlock=f"10.0.{place + 128}.0/20", VpcId="vpc-1"),
        ec2("CreateRouteTable", f"<routeTableId>table-{letter}</routeTableId>", VpcId="vpc-1"),
        ec2("AssociateRouteTable", f"<associationId>private-{letter}-table</associationId>", RouteTableId=f"table-{letter}", SubnetId=f"private-{letter}"),
        ec2("AssociateRouteTable", f"<associationId>public-{letter}-table</associationId>", RouteTableId="table-public", SubnetId=f"public-{letter}"),
        ec2("ModifyVpcEndpoint", AddRouteTableId__1=f"table-{letter}", VpcEndpointId="vpce-s3"),
        ec2("ModifyVpcEndpoint", AddRouteTableId__1=f"table-{letter}", VpcEndpointId="vpce-dynamodb"),
    ]


def without_gateway_endpoint(letter, service):
    return ec2("ModifyVpcEndpoint", RemoveRouteTableId__1=f"table-{letter}", VpcEndpointId=f"vpce-{service}")


def without_zone(letter):
    return [
        without_gateway_endpoint(letter, "s3"),
        without_gateway_endpoint(letter, "dynamodb"),
        ec2("DisassociateRouteTable", AssociationId=f"private-{letter}-table"),
        ec2("DeleteRouteTable", RouteTableId=f"table-{letter}"),
        ec2("DeleteSubnet", SubnetId=f"private-{letter}"),
        ec2("DisassociateRouteTable", AssociationId=f"public-{letter}-table"),
        ec2("DeleteSubnet", SubnetId=f"public-{letter}"),
    ]


def nat(letter):
    return [
        ec2("AllocateAddress", f"<allocationId>eipalloc-{letter}</allocationId>", Domain="vpc"),
        ec2("CreateNatGateway", f"<natGatewayId>nat-{letter}</natGatewayId>", AllocationId=f"eipalloc-{letter}", SubnetId=f"public-{letter}"),
    ]


def without_nat(letter):
    return [ec2("DeleteNatGateway", NatGatewayId=f"nat-{letter}"), ec2("ReleaseAddress", AllocationId=f"eipalloc-{letter}")]


def route(letter, gateway, action="CreateRoute"):
    return ec2(action, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=gateway, RouteTableId=f"table-{letter}")


def without_route(letter):
    return ec2("DeleteRoute", DestinationCidrBlock="0.0.0.0/0", RouteTableId=f"table-{letter}")


def endpoint(service, *letters):
    given = {f"SubnetId__{number}": f"private-{letter}" for number, letter in enumerate(letters, 1)}
    given |= {"PrivateDnsEnabled": "true", "SecurityGroupId__1": "sg-endpoints", "VpcEndpointType": "Interface", "VpcId": "vpc-1"}
    return ec2("CreateVpcEndpoint", f"<vpcEndpointId>vpce-{service}</vpcEndpointId>", ServiceName=f"com.amazonaws.eu-central-1.{service}", **given)


def endpoints(*letters):
    return [endpoint(service, *letters) for service in SERVICES]


def endpoints_leave(letter):
    return [ec2("ModifyVpcEndpoint", RemoveSubnetId__1=f"private-{letter}", VpcEndpointId=f"vpce-{service}") for service in SERVICES]


def without_endpoints(services=SERVICES):
    return [ec2("DeleteVpcEndpoints", VpcEndpointId__1=f"vpce-{service}") for service in services]


def placed(*letters):
    return {"awsvpcConfiguration": {"assignPublicIp": "DISABLED", "securityGroups": ["sg-service"], "subnets": [f"private-{letter}" for letter in letters]}}


def service(*letters):
    balancers = [{"containerName": "echo", "containerPort": 8080, "targetGroupArn": GROUP}]
    strategy = [{"base": 1, "capacityProvider": "FARGATE", "weight": 1}]
    given = {"cluster": CLUSTER, "serviceName": "echo", "desiredCount": 2, "loadBalancers": balancers, "capacityProviderStrategy": strategy}
    return call("ecs", "CreateService", {"service": {"serviceArn": SERVICE}}, **given, networkConfiguration=placed(*letters))


def service_moves(*letters):
    return call("ecs", "UpdateService", cluster=CLUSTER, service=SERVICE, networkConfiguration=placed(*letters))


def listener(port, protocol, more="", balancer=BALANCER, name=""):
    made = f"<ListenerArn>{LISTENER}/{name or port}</ListenerArn>"
    given = {"DefaultActions__member__1__TargetGroupArn": GROUP, "LoadBalancerArn": balancer, "Port": str(port)}
    return elb("CreateListener", made, **given, Protocol=protocol + more)


def without_secret(**how):
    return call("secretsmanager", "DeleteSecret", SecretId=SECRET, **how)


def rule(direction, group, identifier, **to):
    made = f"<securityGroupRuleId>{identifier}</securityGroupRuleId>"
    to = {f"IpPermissions__1__{name}": value for name, value in to.items()}
    return ec2(f"AuthorizeSecurityGroup{direction}", made, GroupId=group, IpPermissions__1__IpProtocol="tcp", **to)


def without_rule(direction, group, identifier):
    return ec2(f"RevokeSecurityGroup{direction}", GroupId=group, SecurityGroupRuleId__1=identifier)


INTERNET = rule("Egress", "sg-service", "sgr-internet", IpRanges__1__CidrIp="0.0.0.0/0")
WITHOUT_INTERNET = without_rule("Egress", "sg-service", "sgr-internet")
ATTACHED = ec2("AttachInternetGateway", InternetGatewayId="igw-1", VpcId="vpc-1")
DETACHED = ec2("DetachInternetGateway", InternetGatewayId="igw-1", VpcId="vpc-1")
WITHOUT_VPC = ec2("DeleteVpc", VpcId="vpc-1")
NETWORK = [
    ec2("CreateVpc", "<vpcId>vpc-1</vpcId>", CidrBlock="10.0.0.0/16"),
    ec2("CreateInternetGateway", "<internetGatewayId>igw-1</internetGatewayId>"),
    ATTACHED,
    ec2("CreateRouteTable", "<routeTableId>table-public</routeTableId>", VpcId="vpc-1"),
    ec2("CreateRoute", DestinationCidrBlock="0.0.0.0/0", GatewayId="igw-1", RouteTableId="table-public"),
    *(
        ec2("CreateVpcEndpoint", f"<vpcEndpointId>vpce-{name}</vpcEndpointId>", ServiceName=f"com.amazonaws.eu-central-1.{name}", VpcEndpointType="Gateway", VpcId="vpc-1")
        for name in ("s3", "dynamodb")
    ),
    ec2("CreateSecurityGroup", "<groupId>sg-service</groupId>", GroupName="echo-dev-service-1", VpcId="vpc-1"),
    ec2("CreateSecurityGroup", "<groupId>sg-endpoints</groupId>", GroupName="echo-dev-endpoints-1", VpcId="vpc-1"),
    rule("Egress", "sg-service", "sgr-endpoints", Groups__1__GroupId="sg-endpoints"),
    rule("Ingress", "sg-endpoints", "sgr-service", Groups__1__GroupId="sg-service"),
    *zone("a"),
    *zone("b"),
]
BALANCED = [
    elb(
        "CreateLoadBalancer",
        f"<LoadBalancerArn>{BALANCER}</LoadBalancerArn>",
        Name="echo-dev",
        Scheme="internet-facing",
        Subnets__member__1="public-a",
        Subnets__member__2="public-b",
    ),
    elb("CreateTargetGroup", f"<TargetGroupArn>{GROUP}</TargetGroupArn>", Name="echo-dev-mocks-8080", Port="8080", Protocol="HTTP", VpcId="vpc-1"),
    listener(80, "HTTP"),
    call("ecs", "CreateCluster", {"cluster": {"clusterArn": CLUSTER}}, clusterName="echo-dev"),
    call("ecs", "PutClusterCapacityProviders", cluster="echo-dev", capacityProviders=["FARGATE", "FARGATE_SPOT"]),
]
# Tasks go out by the NAT gateway of zone a, or by interface endpoints.
BY_NAT = [*NETWORK, *BALANCED, INTERNET, *nat("a"), route("a", "nat-a"), route("b", "nat-a"), service("a", "b")]
BY_ENDPOINTS = [*NETWORK, *BALANCED, *endpoints("a", "b"), service("a", "b")]
WITHOUT_WAY_BY_NAT = [WITHOUT_INTERNET, without_route("a"), without_route("b"), *without_nat("a")]
TO_ENDPOINTS = [*endpoints("a", "b"), *WITHOUT_WAY_BY_NAT]
TO_NAT = [*nat("a"), INTERNET, route("a", "nat-a"), route("b", "nat-a"), *without_endpoints()]
WITHOUT_SERVICE = call("ecs", "DeleteService", cluster=CLUSTER, service=SERVICE, force=True)
WITHOUT_PROVIDERS = call("ecs", "PutClusterCapacityProviders", cluster="echo-dev", capacityProviders=[])
WITHOUT_CLUSTER = call("ecs", "DeleteCluster", cluster=CLUSTER)
WITHOUT_LISTENER = elb("DeleteListener", ListenerArn=f"{LISTENER}/80")
WITHOUT_GROUP = elb("DeleteTargetGroup", TargetGroupArn=GROUP)
WITHOUT_BALANCER = elb("DeleteLoadBalancer", LoadBalancerArn=BALANCER)
WITHOUT_ALL_OF_SERVICE = [WITHOUT_SERVICE, WITHOUT_PROVIDERS, WITHOUT_CLUSTER, WITHOUT_LISTENER, WITHOUT_GROUP, WITHOUT_BALANCER]
WITHOUT_NETWORK = [
    without_rule("Egress", "sg-service", "sgr-endpoints"),
    without_rule("Ingress", "sg-endpoints", "sgr-service"),
    ec2("DeleteSecurityGroup", GroupId="sg-endpoints"),
    ec2("DeleteSecurityGroup", GroupId="sg-service"),
    *without_zone("a"),
    *without_zone("b"),
    *without_endpoints(("s3", "dynamodb")),
    ec2("DeleteRoute", DestinationCidrBlock="0.0.0.0/0", RouteTableId="table-public"),
    ec2("DeleteRouteTable", RouteTableId="table-public"),
    DETACHED,
    ec2("DeleteInternetGateway", InternetGatewayId="igw-1"),
    WITHOUT_VPC,
]
BOUNDARY = iam("CreatePolicy", f"<Policy><Arn>{POLICY}</Arn></Policy>", PolicyName="echo-boundary-dev")
WITHOUT_BOUNDARY = iam("DeletePolicy", PolicyArn=POLICY)
ROLE = iam("CreateRole", "<Role><RoleName>echo-dev-task</RoleName></Role>", PermissionsBoundary=POLICY, RoleName="echo-dev-task")
WITHOUT_ROLE = iam("DeleteRole", RoleName="echo-dev-task")
FIREWALL = [
    call("wafv2", "CreateWebACL", {"Summary": {"Name": "echo-dev", "Id": "acl-1", "ARN": ACL}}, Name="echo-dev", Scope="REGIONAL"),
    call("wafv2", "AssociateWebACL", WebACLArn=ACL, ResourceArn=BALANCER),
]
WITHOUT_FIREWALL = call("wafv2", "DeleteWebACL", Id="acl-1", LockToken="1", Name="echo-dev", Scope="REGIONAL")
WITH_SECRET = call("secretsmanager", "CreateSecret", {"ARN": SECRET}, Name="echo-dev/keys/ci", SecretString="a token")
