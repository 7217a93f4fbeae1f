"""The calls that AWS refuses because of their order, and accepted calls that break running tasks.

Each rule names its source. Where AWS documents no text of an error, the text is that of public reports.
"""

import ipaddress
from dataclasses import dataclass

from .world import EC2, ELB, GONE


@dataclass
class Finding:
    code: str
    why: str


@dataclass(frozen=True)
class InUse:
    """AWS refuses this deletion while a resource of one of these kinds uses the resource."""

    action: str
    users: tuple
    code: str
    text: str


DEPENDS, CONFLICT = "DependencyViolation", "DeleteConflict"
HAS_DEPENDENCIES = "The {} '{{}}' has dependencies and cannot be deleted."
IN_VPC = ("subnet", "security group", "route table", "internet gateway", "endpoint", "NAT gateway")
ASSOCIATED = "AWS WAF couldn’t perform the operation because your resource is being used by another resource or it’s associated with another resource."
IN_USE = [
    # VPC guide, Delete your VPC: "you must first terminate or delete any resources with a requester-managed network
    # interface in the VPC".
    InUse(EC2 + "DeleteVpc", IN_VPC, DEPENDS, HAS_DEPENDENCIES.format("vpc")),
    # EC2 API, DeleteSubnet: "You must terminate all running instances in the subnet"; provider issues 8536 and 151 for
    # other interfaces.
    InUse(EC2 + "DeleteSubnet", ("endpoint", "NAT gateway", "load balancer", "service"), DEPENDS, HAS_DEPENDENCIES.format("subnet")),
    # EC2 API, DeleteSecurityGroup: "associated with an instance or network interface, is referenced by another security
    # group".
    InUse(EC2 + "DeleteSecurityGroup", ("rule in", "rule out", "endpoint", "load balancer", "service"), DEPENDS, "resource {} has a dependent object."),
    # EC2 API, DeleteRouteTable: "You must disassociate the route table from any subnets before you can delete it."
    InUse(EC2 + "DeleteRouteTable", ("association",), DEPENDS, HAS_DEPENDENCIES.format("routeTable")),
    # EC2 API, ReleaseAddress, of an address in use; the text is that for a NAT gateway's (eformat/sno-for-100 issue 5).
    InUse(EC2 + "ReleaseAddress", ("NAT gateway",), "AuthFailure", "You do not have permission to access the specified resource."),
    # ELB API, DeleteTargetGroup: "You can delete a target group if it is not referenced by any actions."
    InUse(ELB + "DeleteTargetGroup", ("listener", "listener rule"), "ResourceInUse", "Target group '{}' is currently in use by a listener or a rule"),
    # ECS API, DeleteCluster: ClusterContainsServicesException.
    InUse("ecs:DeleteCluster", ("service",), "ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active."),
    # WAF API, DeleteWebACL: "You can't delete a web ACL that's associated with a resource": WAFAssociatedItemException.
    InUse("wafv2:DeleteWebACL", ("web ACL association",), "WAFAssociatedItemException", ASSOCIATED),
    # IAM API, DeleteRole: "you must first remove the role from instance profiles, detach managed policies and delete
    # inline policies".
    InUse("iam:DeleteRole", ("inline policy",), CONFLICT, "Cannot delete entity, must delete policies first."),
    InUse("iam:DeleteRole", ("attachment",), CONFLICT, "Cannot delete entity, must detach all policies first."),
    # IAM API, DeletePolicy: "you must first detach the policy from all users, groups, and roles that it is attached
    # to"; boundaries too.
    InUse("iam:DeletePolicy", ("attachment", "role"), CONFLICT, "Cannot delete a policy attached to entities."),
]


def in_use(world, call):
    for rule in IN_USE:
        if call.action == rule.action:
            kind = GONE[rule.action]
            thing = world.find(kind.name, name := call.given[kind.by])
            identifier = thing.id if thing else name
            # The rules of a security group are no obstacle to its own deletion.
            if users := [user for user in world.using(identifier, *rule.users) if user.given.get("GroupId") != identifier]:
                yield Finding(rule.code, f"{rule.text.format(identifier)} In use by: {listed(users)}.")


def listed(things):
    return ", ".join(map(str, things))


# EC2 API, DetachInternetGateway: "The VPC must not contain any running instances with Elastic IP addresses or public
# IPv4 addresses."
def mapped_addresses(world, call):
    if call.action == EC2 + "DetachInternetGateway":
        vpc = call.given["VpcId"]
        public = [thing for thing in world.of("NAT gateway", "load balancer") if thing.given.get("Scheme") != "internal"]
        if mapped := [thing for thing in public if world.vpc_of(thing.given) == vpc]:
            text = f"Network {vpc} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway."
            yield Finding(DEPENDS, f"{text} The addresses are those of: {listed(mapped)}.")


# EC2 API, DeleteInternetGateway: "You must detach the internet gateway from the VPC before you can delete it."
def attached_gateway(world, call):
    if call.action == EC2 + "DeleteInternetGateway":
        gateway = world.things.get(call.given["InternetGatewayId"])
        if gateway and "VpcId" in gateway.given:
            text = HAS_DEPENDENCIES.format("internetGateway").format(gateway.id)
            yield Finding(DEPENDS, f"{text} It is attached to {gateway.given['VpcId']}.")


# EC2 API, NatGateway: Gateway.NotAttached. ELB API, CreateLoadBalancer: InvalidSubnet.
def no_internet_gateway(world, call):
    made = {EC2 + "CreateNatGateway": "NAT gateway", ELB + "CreateLoadBalancer": "load balancer"}.get(call.action)
    if not made or call.given.get("Scheme") == "internal" or call.given.get("ConnectivityType") == "private":
        return
    vpc = world.vpc_of(call.given)
    if not any(gateway.given.get("VpcId") == vpc for gateway in world.of("internet gateway")):
        if made == "NAT gateway":
            yield Finding("Gateway.NotAttached", f"Network {vpc} has no Internet gateway attached")
        else:
            yield Finding("InvalidSubnet", f"VPC {vpc} has no internet gateway")


# EC2 API, CreateRoute: one route for each destination. VPC guide, gateway endpoints: one endpoint of a service for each
# route table.
def same_route(world, call):
    given = call.given
    if call.action == EC2 + "CreateRoute" and f"route {given['RouteTableId']} {given.get('DestinationCidrBlock', '')}" in world.things:
        yield Finding("RouteAlreadyExists", f"The route identified by {given.get('DestinationCidrBlock')} already exists.")
    if call.action in (EC2 + "CreateVpcEndpoint", EC2 + "ModifyVpcEndpoint"):
        changed = world.things.get(given.get("VpcEndpointId"))
        service = (changed.given if changed else given).get("ServiceName")
        for table in given.get("RouteTableId", given.get("AddRouteTableId", [])):
            for endpoint in world.using(table, "endpoint"):
                if endpoint.given["ServiceName"] == service:
                    text = f"route table {table} already has a route with destination-prefix-list-id"
                    yield Finding("RouteAlreadyExists", f"{text} of {service}, by {endpoint}")


# VPC guide, interface endpoints: one endpoint with the private DNS name of a service in a VPC.
def same_private_name(world, call):
    given = call.given
    if call.action == EC2 + "CreateVpcEndpoint" and given.get("PrivateDnsEnabled") == "true":
        for endpoint in world.using(given["ServiceName"], "endpoint"):
            if endpoint.given["VpcId"] == given["VpcId"] and endpoint.given.get("PrivateDnsEnabled") == "true":
                text = "private-dns-enabled cannot be set because there is already a conflicting DNS domain for"
                yield Finding("InvalidParameter", f"{text} {given['ServiceName']} in the VPC {given['VpcId']}: {endpoint}")


# EC2 API, CreateSubnet: InvalidSubnet.Conflict.
def same_addresses(world, call):
    if call.action == EC2 + "CreateSubnet":
        asked = ipaddress.ip_network(call.given["CidrBlock"])
        for subnet in world.using(call.given["VpcId"], "subnet"):
            if asked.overlaps(ipaddress.ip_network(subnet.given["CidrBlock"])):
                yield Finding("InvalidSubnet.Conflict", f"The CIDR '{asked}' conflicts with another subnet: {subnet}")


def listener_of(world, call):
    """The listener as it would be after the call; None for other calls."""
    if call.action == ELB + "CreateListener":
        return call.given
    if call.action == ELB + "ModifyListener" and (listener := world.things.get(call.given["ListenerArn"])):
        return listener.given | call.given
    return None


# ELB API, CreateListener and ModifyListener: DuplicateListener.
def same_port(world, call):
    if listener := listener_of(world, call):
        for other in world.using(listener["LoadBalancerArn"], "listener"):
            if other.given["Port"] == listener["Port"] and other.id != listener.get("ListenerArn"):
                text = "A listener already exists on this port for this load balancer"
                yield Finding("DuplicateListener", f"{text} '{listener['LoadBalancerArn']}': {other} on port {listener['Port']}")


# ELB API, CreateListener: certificates and policies are for HTTPS and TLS, and required there. provider issue 1851 for
# ModifyListener.
def tls_settings(world, call):
    if listener := listener_of(world, call):
        if listener["Protocol"] == "HTTPS" and not listener.get("Certificates"):
            yield Finding("ValidationError", "A certificate must be specified for HTTPS listeners")
        if listener["Protocol"] == "HTTP" and call.given.get("SslPolicy"):
            yield Finding("ValidationError", "An SSL policy cannot be specified for HTTP listeners")
        if listener["Protocol"] == "HTTP" and call.given.get("Certificates"):
            yield Finding("ValidationError", "A certificate cannot be specified for HTTP listeners")


# ELB API, CreateListener: TargetGroupAssociationLimit, for the target group of another load balancer.
def one_load_balancer(world, call):
    if listener := listener_of(world, call):
        for group in world.of("target group"):
            users = world.using(group.id, "listener") if group.names(group.id, within=listener) else []
            if others := [user for user in users if user.given["LoadBalancerArn"] != listener["LoadBalancerArn"]]:
                text = "The following target groups cannot be associated with more than one load balancer:"
                yield Finding("TargetGroupAssociationLimit", f"{text} {group.id}, which {listed(others)} has")


# ELB API, DeleteLoadBalancer: "You can't delete a load balancer if deletion protection is enabled":
# OperationNotPermitted.
def protected(world, call):
    if call.action == ELB + "DeleteLoadBalancer" and (balancer := world.things.get(call.given["LoadBalancerArn"])):
        if balancer.given.get("deletion_protection.enabled") == "true":
            yield Finding("OperationNotPermitted", f"Load balancer '{balancer.id}' cannot be deleted because deletion protection is enabled")


# ECS API, CreateService: InvalidParameterException for a target group that no listener leads to.
def no_listener(world, call):
    if call.action == "ecs:CreateService":
        for group in (balancer["targetGroupArn"] for balancer in call.given.get("loadBalancers", [])):
            if not world.using(group, "listener", "listener rule"):
                text = f"The target group with targetGroupArn {group} does not have an associated load balancer."
                yield Finding("InvalidParameterException", text)


# ECS API, PutClusterCapacityProviders: ResourceInUseException.
def provider_in_use(world, call):
    if call.action == "ecs:PutClusterCapacityProviders" and (cluster := world.find("cluster", call.given["cluster"])):
        for service in world.using(cluster.id, "service"):
            for strategy in service.given.get("capacityProviderStrategy", []):
                if strategy["capacityProvider"] not in call.given["capacityProviders"]:
                    text = "The specified capacity provider is in use and cannot be removed."
                    yield Finding("ResourceInUseException", f"{text} {service} uses {strategy['capacityProvider']}.")


# Application Auto Scaling API, RegisterScalableTarget: ValidationException.
def nothing_to_scale(world, call):
    if call.action == "application-autoscaling:RegisterScalableTarget" and call.given["ServiceNamespace"] == "ecs":
        if not any(service.id.endswith(call.given["ResourceId"]) for service in world.of("service")):
            yield Finding("ValidationException", f"ECS service doesn't exist: {call.given['ResourceId']}")


# Secrets Manager API, CreateSecret: InvalidRequestException, until the recovery window of the old secret has passed.
def scheduled_name(world, call):
    if call.action == "secretsmanager:CreateSecret" and (secret := world.find("secret", call.given["Name"])):
        if secret.given.get("scheduled"):
            text = "You can't create this secret because a secret with this name is already scheduled for deletion."
            yield Finding("InvalidRequestException", text)


REFUSED = [
    in_use, mapped_addresses, attached_gateway, no_internet_gateway, same_route, same_private_name, same_addresses, same_port, tls_settings,
    one_load_balancer, protected, no_listener, provider_in_use, nothing_to_scale, scheduled_name,
]


# VPC guide, route tables: AWS takes the call, and the route becomes a blackhole.
def black_hole(world, call):
    gateway = {EC2 + "DeleteNatGateway": "NatGatewayId", EC2 + "DetachInternetGateway": "InternetGatewayId"}.get(call.action)
    routes = world.using(call.given[gateway], "route") if gateway else []
    if routes:
        yield Finding("", f"Routes still lead to this gateway, and become black holes: {listed(routes)}.")


# ECS guide, load balancers: a service whose target group is gone can start no task.
def served_target_group(world, call):
    services = world.using(call.given["TargetGroupArn"], "service") if call.action == ELB + "DeleteTargetGroup" else []
    if services:
        yield Finding("", f"A service still registers its tasks in this target group: {listed(services)}.")


TAKEN_AND_WRONG = [black_hole, served_target_group]
