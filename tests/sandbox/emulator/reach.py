"""The applied network: the packet filter of tasks, and the verdicts on connections that no packet filter sees.

The rules come from network/, for both. The load balancer and ECS's agent, which pulls images, reads secrets and writes logs, are parts of the emulator.
So the emulator asks here before it answers a client, and before it starts a task.
"""

import ipaddress
import os
import subprocess
import threading

from ministack.core.responses import get_region
from ministack.services import alb, ec2, ecs
from network import groups, packets, ways
from network.groups import Place

# The address of a task's metadata and credentials on AWS.
LINK_LOCAL = "169.254.170.2"
# Services that tasks call by themselves, each with a public address: the table, and the endpoints of telemetry.
CALLED = ("dynamodb", "monitoring", "xray")
# Services that ECS's agent calls over a task's interface before the containers start.
OF_AGENT = ("ecr.api", "ecr.dkr", "s3", "secretsmanager", "logs")
# Addresses for documentation (RFC 5737), which no VPC has. Gateway endpoints lead to addresses of a prefix list.
PUBLIC = {name: f"203.0.113.{number}" for number, name in enumerate((*CALLED, *OF_AGENT), 1)}
_filtered = ""
_lock = threading.Lock()


def address_of(service):
    """The public address of a service: in its prefix list, or one of its own."""
    if service in ("dynamodb", "s3"):
        return str(ipaddress.ip_network(ec2._aws_prefix_list_to_cidr(_name(service)))[1])
    return PUBLIC[service]


def host_of(service):
    return f"{service}.{get_region()}.amazonaws.com"


def addresses():
    return {service: address_of(service) for service in CALLED}


def start():
    """Adds the addresses of services to this namespace, and closes the network of tasks."""
    for address in addresses().values():
        subprocess.check_call(["ip", "address", "add", f"{address}/32", "dev", "lo"])
    refresh()


def cidr_of_tasks(vpc):
    """The addresses of tasks: the lower half of a VPC, with all private subnets."""
    return next(ipaddress.ip_network(ec2._vpcs[vpc]["CidrBlock"]).subnets())


def address_of_balancers(vpc):
    """The bridge's address, in the upper half."""
    return str(list(ipaddress.ip_network(ec2._vpcs[vpc]["CidrBlock"]).subnets())[1][4])


def refresh():
    """Filters by the present state. Call after each change of the network, of load balancers and of tasks."""
    global _filtered
    with _lock:
        # A stopped task keeps its interface until its containers have ended. Meanwhile its subnet may be deleted: the
        # emulated network deletes at once.
        there = [task for task in list(ecs._tasks.values()) if not task.get("_gone") and task.get("_subnet") in ec2._subnets]
        tasks = [place for task in there if (place := place_of(task))]
        balancers = [_balancer(balancer) for balancer in alb._lbs.values()]
        cidrs = {str(cidr_of_tasks(vpc)) for vpc, one in ec2._vpcs.items() if not one.get("IsDefault")}
        text = packets.table(_network(), cidrs, tasks, balancers, addresses(), LINK_LOCAL, os.getgid())
        if text != _filtered:
            subprocess.run(["iptables-restore", "--wait", "--table", "mangle"], input=text, text=True, check=True)
            _filtered = text


def place_of(task):
    address = ecs._task_ip(task)
    return Place(address, tuple(task["_groups"]), task["_subnet"]) if address else None


def unreached_by_agent(task):
    """The first service that ECS's agent needs for this task and does not reach; None if it reaches all."""
    # The interface has no address yet, and any address of its subnet serves the rules.
    network, subnet = _network(), ec2._subnets[task["_subnet"]]
    place = Place(str(ipaddress.ip_network(subnet["CidrBlock"])[10]), tuple(task["_groups"]), task["_subnet"])
    found = ((service, ways.reachable_ports(network, place, service, address_of(service)) or []) for service in OF_AGENT)
    return next((service for service, ports in found if not any(low <= 443 <= high for low, high in ports)), None)


def lets_in(balancer, client, port):
    """Whether a load balancer's security groups let a client's address in."""
    return groups.lets(_network(), Place(client), _balancer(balancer), port)


def _balancer(balancer):
    return Place(address_of_balancers(balancer["VpcId"]), tuple(balancer.get("SecurityGroups") or ()))


def _network():
    names = map(_name, ("s3", "dynamodb"))
    lists = {ec2._aws_pl_id_from_name(name): [ec2._aws_prefix_list_to_cidr(name)] for name in names}
    own = {name: [entry["Cidr"] for entry in one.get("Entries", [])] for name, one in ec2._prefix_lists.items()}
    parts = ec2._security_groups, ec2._subnets, ec2._route_tables, ec2._vpc_endpoints, ec2._nat_gateways, ec2._internet_gateways
    return ways.Network(*map(dict, (part.items() for part in parts)), lists | own)


def _name(service):
    return f"com.amazonaws.{get_region()}.{service}"
