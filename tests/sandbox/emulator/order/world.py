"""The resources that exist, as far as the order of calls depends on them: a small model that follows the calls.

A resource keeps the parameters of its calls as they were sent. A resource uses another one when its parameters name the other's id.
"""

from dataclasses import dataclass, field


@dataclass
class Thing:
    kind: str
    id: str
    given: dict
    # The subnets that a service leaves by the rollout under way.
    left: set = field(default_factory=set)

    def names(self, identifier, within=None):
        """Whether the identifier is anywhere in the parameters."""
        node = self.given if within is None else within
        if isinstance(node, dict | list):
            return any(self.names(identifier, part) for part in (node.values() if isinstance(node, dict) else node))
        return node == identifier

    def __str__(self):
        name = f" ({self.given['NameTag']})" if "NameTag" in self.given else ""
        return f"{'' if self.id.startswith(self.kind) else self.kind + ' '}{self.id}{name}"


@dataclass(frozen=True)
class Kind:
    """Creation, answer and deletion of one kind of resource. A deletion also deletes the kinds in `takes`."""

    name: str
    made: str
    element: str
    gone: str
    by: str
    takes: tuple = ()


EC2, ELB = "ec2:", "elasticloadbalancing:"
OF_BALANCER = ("listener", "web ACL association")
KINDS = [
    Kind("VPC", EC2 + "CreateVpc", "vpcId", EC2 + "DeleteVpc", "VpcId"),
    Kind("subnet", EC2 + "CreateSubnet", "subnetId", EC2 + "DeleteSubnet", "SubnetId", ("association",)),
    Kind("internet gateway", EC2 + "CreateInternetGateway", "internetGatewayId", EC2 + "DeleteInternetGateway", "InternetGatewayId"),
    Kind("address", EC2 + "AllocateAddress", "allocationId", EC2 + "ReleaseAddress", "AllocationId"),
    Kind("NAT gateway", EC2 + "CreateNatGateway", "natGatewayId", EC2 + "DeleteNatGateway", "NatGatewayId"),
    Kind("route table", EC2 + "CreateRouteTable", "routeTableId", EC2 + "DeleteRouteTable", "RouteTableId", ("route",)),
    Kind("association", EC2 + "AssociateRouteTable", "associationId", EC2 + "DisassociateRouteTable", "AssociationId"),
    Kind("endpoint", EC2 + "CreateVpcEndpoint", "vpcEndpointId", EC2 + "DeleteVpcEndpoints", "VpcEndpointId"),
    Kind("security group", EC2 + "CreateSecurityGroup", "groupId", EC2 + "DeleteSecurityGroup", "GroupId", ("rule in", "rule out")),
    Kind("rule in", EC2 + "AuthorizeSecurityGroupIngress", "securityGroupRuleId", EC2 + "RevokeSecurityGroupIngress", "SecurityGroupRuleId"),
    Kind("rule out", EC2 + "AuthorizeSecurityGroupEgress", "securityGroupRuleId", EC2 + "RevokeSecurityGroupEgress", "SecurityGroupRuleId"),
    Kind("load balancer", ELB + "CreateLoadBalancer", "LoadBalancerArn", ELB + "DeleteLoadBalancer", "LoadBalancerArn", OF_BALANCER),
    Kind("target group", ELB + "CreateTargetGroup", "TargetGroupArn", ELB + "DeleteTargetGroup", "TargetGroupArn"),
    Kind("listener", ELB + "CreateListener", "ListenerArn", ELB + "DeleteListener", "ListenerArn", ("listener rule",)),
    Kind("listener rule", ELB + "CreateRule", "RuleArn", ELB + "DeleteRule", "RuleArn"),
    Kind("cluster", "ecs:CreateCluster", "clusterArn", "ecs:DeleteCluster", "cluster"),
    Kind("service", "ecs:CreateService", "serviceArn", "ecs:DeleteService", "service"),
    Kind("web ACL", "wafv2:CreateWebACL", "ARN", "wafv2:DeleteWebACL", "Id"),
    Kind("secret", "secretsmanager:CreateSecret", "ARN", "secretsmanager:DeleteSecret", "SecretId"),
    Kind("policy", "iam:CreatePolicy", "Arn", "iam:DeletePolicy", "PolicyArn"),
    Kind("role", "iam:CreateRole", "RoleName", "iam:DeleteRole", "RoleName"),
]
MADE = {kind.made: kind for kind in KINDS}
GONE = {kind.gone: kind for kind in KINDS}
TAKES = {kind.name: kind.takes for kind in KINDS}
# The element of an answer with the id of a made resource.
ELEMENTS = {kind.made: kind.element for kind in KINDS} | {EC2 + "ReplaceRouteTableAssociation": "newAssociationId"}
# Calls that replace parameters of a resource: its kind, and the parameter with its id.
CHANGED = {
    EC2 + "AttachInternetGateway": ("internet gateway", "InternetGatewayId"),
    ELB + "SetSubnets": ("load balancer", "LoadBalancerArn"),
    ELB + "SetSecurityGroups": ("load balancer", "LoadBalancerArn"),
    ELB + "ModifyListener": ("listener", "ListenerArn"),
    ELB + "ModifyRule": ("listener rule", "RuleArn"),
    "ecs:UpdateService": ("service", "service"),
    "iam:PutRolePermissionsBoundary": ("role", "RoleName"),
}
# Resources without an id in an answer: kind, creating or replacing calls, deleting calls, and names.
PAIRS = [
    ("route", (EC2 + "CreateRoute", EC2 + "ReplaceRoute"), EC2 + "DeleteRoute", ("RouteTableId", "DestinationCidrBlock")),
    ("web ACL association", ("wafv2:AssociateWebACL",), "wafv2:DisassociateWebACL", ("ResourceArn",)),
    ("attachment", ("iam:AttachRolePolicy",), "iam:DetachRolePolicy", ("RoleName", "PolicyArn")),
    ("inline policy", ("iam:PutRolePolicy",), "iam:DeleteRolePolicy", ("RoleName", "PolicyName")),
]


def subnets_of(service):
    """The subnets in the parameters of a service."""
    return set(service["networkConfiguration"]["awsvpcConfiguration"]["subnets"])


class World:
    def __init__(self):
        self.things = {}

    def of(self, *kinds):
        return [thing for thing in self.things.values() if thing.kind in kinds]

    def using(self, identifier, *kinds):
        return [thing for thing in self.of(*kinds) if thing.names(identifier)]

    def find(self, kind, name, cluster=""):
        """The resource with this id. ECS and Secrets Manager also take names, and WAF the end of an ARN."""
        end = f"/{cluster.rpartition('/')[2]}/{name}" if cluster else f"/{name}"
        named = lambda thing: thing.id.endswith(end) or thing.kind == "secret" and thing.given["Name"] == name
        return self.things.get(name) or next((thing for thing in self.of(kind) if named(thing)), None)

    def vpc_of(self, given):
        """The VPC in the parameters, directly or by a subnet."""
        subnet = self.things.get(next(iter(given.get("Subnets", [])), given.get("SubnetId")))
        return subnet.given["VpcId"] if subnet else given.get("VpcId")

    def apply(self, call):
        """Takes over the change of a call that AWS has accepted."""
        given, cluster = call.given, call.given.get("cluster", "")
        if (kind := MADE.get(call.action)) and call.made:
            self.things[call.made] = Thing(kind.name, call.made, given)
        elif kind := GONE.get(call.action):
            names = given.get(kind.by, [])
            for name in names if isinstance(names, list) else [names]:
                if thing := self.find(kind.name, name, cluster if kind.name == "service" else ""):
                    self._delete(thing, given)
        elif changed := CHANGED.get(call.action):
            if thing := self.find(changed[0], given.get(changed[1]), cluster):
                if "networkConfiguration" in given:
                    thing.left |= subnets_of(thing.given)
                thing.given = thing.given | given
        elif special := getattr(self, "_" + call.action.partition(":")[2], None):
            special(call)
        for service in self.of("service"):
            if service.id not in call.rolling:
                service.left = set()
        for kind, makes, gone, names in PAIRS:
            identifier = " ".join([kind, *(given.get(name, "") for name in names)])
            if call.action in makes:
                self.things[identifier] = Thing(kind, identifier, given)
            elif call.action == gone:
                self.things.pop(identifier, None)

    def _delete(self, thing, given):
        if thing.kind == "secret" and not given.get("ForceDeleteWithoutRecovery"):
            thing.given = thing.given | {"scheduled": True}
            return
        del self.things[thing.id]
        for taken in self.using(thing.id, *TAKES.get(thing.kind, ())):
            # A rule of another security group stays, although it names this group.
            if taken.given.get("GroupId", thing.id) == thing.id:
                self._delete(taken, given)

    def _ModifyLoadBalancerAttributes(self, call):
        if balancer := self.things.get(call.given["LoadBalancerArn"]):
            balancer.given = balancer.given | {one["Key"]: one["Value"] for one in call.given["Attributes"]}

    def _DeleteRolePermissionsBoundary(self, call):
        if role := self.things.get(call.given["RoleName"]):
            role.given = role.given | {"PermissionsBoundary": ""}

    def _RestoreSecret(self, call):
        if secret := self.find("secret", call.given["SecretId"]):
            secret.given = secret.given | {"scheduled": False}

    def _DetachInternetGateway(self, call):
        if gateway := self.things.get(call.given["InternetGatewayId"]):
            gateway.given = {name: value for name, value in gateway.given.items() if name != "VpcId"}

    def _ReplaceRouteTableAssociation(self, call):
        if association := self.things.pop(call.given["AssociationId"], None):
            self.things[call.made] = Thing("association", call.made, association.given | {"RouteTableId": call.given["RouteTableId"]})

    def _ModifyVpcEndpoint(self, call):
        if endpoint := self.things.get(call.given["VpcEndpointId"]):
            for name in ("SubnetId", "RouteTableId", "SecurityGroupId"):
                kept = [one for one in endpoint.given.get(name, []) if one not in call.given.get(f"Remove{name}", [])]
                endpoint.given = endpoint.given | {name: kept + call.given.get(f"Add{name}", [])}
