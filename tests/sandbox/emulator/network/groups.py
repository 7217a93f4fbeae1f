"""Security groups: the ports that the rules of both ends leave open.

Rules are in the form of DescribeSecurityGroups. They name the other end by a network, a security group, or a prefix list, which is a list of
networks. Both ends have to agree: the source lets the connection out, and the destination lets it in. Answers pass in any case.
"""

import ipaddress
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A network interface, or an address outside of the VPC, which has no security groups (None)."""

    address: str
    groups: tuple | None = None
    subnet: str = ""


def open_ports(network, source, destination):
    """The TCP ports on which the source may connect to the destination, as ranges."""
    out = _ports(network, source, "IpPermissionsEgress", destination)
    into = _ports(network, destination, "IpPermissions", source)
    both = {(max(low, first), min(high, last)) for low, high in out for first, last in into}
    return sorted((low, high) for low, high in both if low <= high)


def lets(network, source, destination, port):
    return any(low <= port <= high for low, high in open_ports(network, source, destination))


def _ports(network, place, direction, other):
    if place.groups is None:
        return [(0, 65535)]
    # A rule can name a group that was deleted since.
    rules = [rule for group in place.groups if group in network.groups for rule in network.groups[group][direction]]
    return [_range(rule) for rule in rules if rule["IpProtocol"] in ("-1", "tcp", "6") and _names(network, rule, other)]


def _range(rule):
    return (rule.get("FromPort", 0), rule.get("ToPort", 65535)) if rule["IpProtocol"] != "-1" else (0, 65535)


def _names(network, rule, place):
    lists = [network.prefix_lists.get(entry["PrefixListId"], []) for entry in rule["PrefixListIds"]]
    cidrs = [entry["CidrIp"] for entry in rule["IpRanges"]] + [cidr for cidrs in lists for cidr in cidrs]
    groups = {pair.get("GroupId") for pair in rule["UserIdGroupPairs"]}
    address = ipaddress.ip_address(place.address)
    return any(address in ipaddress.ip_network(cidr, strict=False) for cidr in cidrs) or bool(groups & set(place.groups or ()))
