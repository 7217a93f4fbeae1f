"""The ways out of the subnets in which tasks run: to AWS, by NAT or interface endpoints, and to their table.

modules/network/README.md promises that each new way is open before the old one closes, in each change of zones and NAT mode.
"""

from .world import subnets_of

# Services that tasks call: `reached_services` of infra/echo/locals.tf, layers of images in S3, and the table.
NEEDED = {"dynamodb", "ecr.api", "ecr.dkr", "logs", "monitoring", "s3", "secretsmanager", "xray"}
EVERYWHERE = "0.0.0.0/0"


def closed(world):
    """For each subnet in which a service has tasks, or had tasks before its rollout: the services of AWS that tasks cannot reach."""
    found = {}
    for service in world.of("service"):
        groups = service.given["networkConfiguration"]["awsvpcConfiguration"]["securityGroups"]
        for subnet in subnets_of(service.given) | service.left:
            if missing := NEEDED - reached(world, subnet, groups):
                found[subnet] = found.get(subnet, set()) | missing
    return found


def reached(world, subnet, groups):
    """The services of AWS that tasks in a subnet with these security groups reach."""
    out = [rule for rule in world.of("rule out") if rule.given["GroupId"] in groups]
    anywhere, table = any(rule.names(EVERYWHERE) for rule in out), table_of(world, subnet)
    if anywhere and leads_out(world, table):
        return NEEDED
    found = set()
    vpc = world.vpc_of({"SubnetId": subnet})
    clients = [*groups, *(world.things[it].given["CidrBlock"] for it in [vpc] if it in world.things)]
    for endpoint in world.using(vpc, "endpoint"):
        given = endpoint.given
        theirs = given.get("SecurityGroupId", [])
        let_out = anywhere or any(rule.names(group) for rule in out for group in theirs)
        let_in = any(rule.given["GroupId"] in theirs and rule.names(client) for rule in world.of("rule in") for client in clients)
        # A gateway endpoint is a route of tables. An interface endpoint in one subnet serves its whole VPC.
        if table in given.get("RouteTableId", []) or given.get("SubnetId") and let_out and let_in:
            # `ecr.api` of com.amazonaws.eu-central-1.ecr.api
            found.add(given["ServiceName"].split(".", 3)[3])
    return found


def table_of(world, subnet):
    """The route table of a subnet. Empty for the main one of its VPC, which has no routes here."""
    return next((association.given["RouteTableId"] for association in world.using(subnet, "association")), "")


def leads_out(world, table):
    """Whether the default route of a table ends at an internet gateway."""
    route = world.things.get(f"route {table} {EVERYWHERE}")
    gateway = world.things.get(route.given.get("NatGatewayId", route.given.get("GatewayId"))) if route else None
    if not gateway or gateway.kind == "internet gateway":
        return bool(gateway and gateway.given.get("VpcId"))
    # A regional NAT gateway has no subnet.
    return "SubnetId" not in gateway.given or leads_out(world, table_of(world, gateway.given["SubnetId"]))
