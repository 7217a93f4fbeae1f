"""Routes: the ways from a subnet to a service of AWS.

A private name leads to an interface endpoint in the VPC. Otherwise the most specific route decides: a gateway endpoint is a route to the prefix list
of its service, and the default route leads out by a NAT gateway. Tasks have no public address, so an internet gateway alone is no way out.
"""

import ipaddress
from dataclasses import dataclass, field

from .groups import Place, open_ports


@dataclass
class Network:
    """The network of an account: parts by their ids, in the form of EC2's describing calls."""

    groups: dict = field(default_factory=dict)
    subnets: dict = field(default_factory=dict)
    tables: dict = field(default_factory=dict)
    endpoints: dict = field(default_factory=dict)
    nat_gateways: dict = field(default_factory=dict)
    internet_gateways: dict = field(default_factory=dict)
    # The networks of each prefix list.
    prefix_lists: dict = field(default_factory=dict)


def reachable_ports(network, task, service, address):
    """The ports of a service, with this public address, that a task reaches. None without a way."""
    end = way(network, task.subnet, service, address)
    return end and open_ports(network, task, end)


def way(network, subnet, service, address):
    """The end of a way from a subnet to a service: an interface in the VPC, or the service's public address. None without a way."""
    vpc = network.subnets[subnet]["VpcId"]
    for endpoint in network.endpoints.values():
        is_meant = endpoint["VpcId"] == vpc and endpoint["ServiceName"].split(".", 3)[3] == service
        if is_meant and endpoint["VpcEndpointType"] == "Interface" and endpoint["SubnetIds"] and endpoint.get("PrivateDnsEnabled"):
            place = ipaddress.ip_network(network.subnets[endpoint["SubnetIds"][0]]["CidrBlock"])
            return Place(str(place[10]), tuple(endpoint["Groups"]), endpoint["SubnetIds"][0])
        if is_meant and endpoint["VpcEndpointType"] == "Gateway" and table_of(network, subnet) in endpoint["RouteTableIds"]:
            return Place(address)
    return Place(address) if leads_out(network, subnet, address) else None


def table_of(network, subnet):
    """The id of a subnet's route table: the associated one, or the main one of its VPC."""
    associated = {one.get("SubnetId") or one.get("Main") and table["VpcId"]: table["RouteTableId"] for table in network.tables.values() for one in table["Associations"]}
    return associated.get(subnet) or associated.get(network.subnets[subnet]["VpcId"])


def leads_out(network, subnet, address):
    """Whether the route to a public address ends at a NAT gateway with a way to the internet."""
    gateway = network.nat_gateways.get(_route(network, subnet, address).get("NatGatewayId"))
    if not gateway or gateway["State"] != "available":
        return False
    if not gateway["SubnetId"]:
        # A regional NAT gateway has no subnet, and AWS's own route to the internet gateway of its VPC.
        return any(_attached(one, gateway["VpcId"]) for one in network.internet_gateways.values())
    onward = network.internet_gateways.get(_route(network, gateway["SubnetId"], address).get("GatewayId"))
    return bool(onward) and _attached(onward, gateway["VpcId"])


def _attached(gateway, vpc):
    return any(attachment["VpcId"] == vpc for attachment in gateway["Attachments"])


def _route(network, subnet, address):
    """The most specific route to an address; empty without one."""
    table = network.tables.get(table_of(network, subnet))
    routes = [(ipaddress.ip_network(route["DestinationCidrBlock"]), route) for route in table["Routes"] if route.get("DestinationCidrBlock")] if table else []
    fitting = [(cidr.prefixlen, number) for number, (cidr, _) in enumerate(routes) if ipaddress.ip_address(address) in cidr]
    return routes[max(fitting)[1]][1] if fitting else {}
