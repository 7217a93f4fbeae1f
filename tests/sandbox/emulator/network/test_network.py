"""The rules of the packet filter, from right networks and from networks with planted faults. Run by `scripts/test roots`."""

import copy
import sys
import unittest
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

from network import groups, packets, ways
from network.groups import Place

REGION = "com.amazonaws.eu-central-1"
DYNAMODB, XRAY, ELSEWHERE = "100.64.1.1", "203.0.113.3", "198.51.100.7"
BALANCER = Place("10.0.128.4", ("sg-balancer",))
TASK, OTHER = Place("10.0.0.1", ("sg-service",), "private-a"), Place("10.0.0.2", ("sg-service",), "private-a")


def rule(port, last=None, protocol="tcp", cidr=None, group=None, prefix_list=None):
    return {
        "IpProtocol": protocol,
        "FromPort": port,
        "ToPort": last or port,
        "IpRanges": [{"CidrIp": cidr}] if cidr else [],
        "UserIdGroupPairs": [{"GroupId": group}] if group else [],
        "PrefixListIds": [{"PrefixListId": prefix_list}] if prefix_list else [],
    }


def group(into=(), out=()):
    return {"IpPermissions": list(into), "IpPermissionsEgress": list(out)}


def table(name, *routes, subnet=None, main=False):
    return {"RouteTableId": name, "VpcId": "vpc-1", "Routes": list(routes), "Associations": [{"SubnetId": subnet, "Main": False}] if subnet else [{"Main": main}]}


def by_nat():
    """As environments/dev: a NAT gateway, and a gateway endpoint for the table."""
    return ways.Network(
        groups={
            "sg-balancer": group([rule(80, cidr="0.0.0.0/0"), rule(8081, cidr="127.0.0.0/8")], [rule(port, group="sg-service") for port in (8080, 8081)]),
            "sg-service": group([rule(port, group="sg-balancer") for port in (8080, 8081)], [rule(443, prefix_list="pl-dynamodb"), rule(443, cidr="0.0.0.0/0")]),
            "sg-endpoints": group([rule(443, group="sg-service")]),
        },
        subnets={name: {"VpcId": "vpc-1", "CidrBlock": cidr} for name, cidr in (("private-a", "10.0.0.0/20"), ("public-a", "10.0.128.0/20"))},
        tables={
            "main": table("main", main=True),
            "private": table("private", {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1"}, subnet="private-a"),
            "public": table("public", {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local"}, {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1"}, subnet="public-a"),
        },
        endpoints={"vpce-dynamodb": {"VpcId": "vpc-1", "VpcEndpointType": "Gateway", "ServiceName": f"{REGION}.dynamodb", "RouteTableIds": ["private"], "SubnetIds": []}},
        nat_gateways={"nat-1": {"VpcId": "vpc-1", "SubnetId": "public-a", "State": "available"}},
        internet_gateways={"igw-1": {"Attachments": [{"VpcId": "vpc-1"}]}},
        prefix_lists={"pl-dynamodb": ["100.64.1.0/24"]},
    )


def by_endpoints():
    """As environments/prod: interface endpoints, and no way to the internet."""
    network = by_nat()
    network.tables["private"]["Routes"].clear()
    network.nat_gateways.clear()
    endpoint = {"VpcEndpointType": "Interface", "RouteTableIds": [], "SubnetIds": ["private-a"], "Groups": ["sg-endpoints"], "PrivateDnsEnabled": True}
    network.endpoints["vpce-xray"] = {"VpcId": "vpc-1", "ServiceName": f"{REGION}.xray", **endpoint}
    network.groups["sg-service"]["IpPermissionsEgress"] = [rule(443, prefix_list="pl-dynamodb"), rule(443, group="sg-endpoints")]
    return network


class Groups(unittest.TestCase):
    def changed(self, name, direction, *rules):
        network = by_nat()
        network.groups[name][direction] = list(rules)
        return network

    def test_both_ends_have_to_allow_a_connection(self):
        self.assertEqual(groups.open_ports(by_nat(), BALANCER, TASK), [(8080, 8080), (8081, 8081)])
        for name, direction in (("sg-balancer", "IpPermissionsEgress"), ("sg-service", "IpPermissions")):
            self.assertEqual(groups.open_ports(self.changed(name, direction), BALANCER, TASK), [])
            wrong = self.changed(name, direction, rule(8082, group="sg-service"), rule(8082, group="sg-balancer"))
            self.assertEqual(groups.open_ports(wrong, BALANCER, TASK), [])
            other = self.changed(name, direction, rule(8080, 8081, "udp", cidr="0.0.0.0/0"))
            self.assertEqual(groups.open_ports(other, BALANCER, TASK), [])

    def test_only_the_overlap_of_both_ranges_is_open(self):
        wide = self.changed("sg-service", "IpPermissions", rule(8000, 8080, group="sg-balancer"), rule(0, protocol="-1", cidr="10.0.200.0/24"))
        self.assertEqual(groups.open_ports(wide, BALANCER, TASK), [(8080, 8080)])
        self.assertEqual(groups.open_ports(wide, Place("10.0.200.9"), TASK), [(0, 65535)])

    def test_clients_reach_the_load_balancer_from_their_networks_only(self):
        network = by_nat()
        self.assertTrue(groups.lets(network, Place("127.0.0.1"), BALANCER, 8081))
        self.assertTrue(groups.lets(network, Place(ELSEWHERE), BALANCER, 80))
        self.assertFalse(groups.lets(network, Place(ELSEWHERE), BALANCER, 8081))
        self.assertFalse(groups.lets(network, Place("127.0.0.1"), BALANCER, 443))

    def test_tasks_reach_each_other_and_are_reached_from_outside_by_a_rule_only(self):
        self.assertEqual(groups.open_ports(by_nat(), TASK, OTHER), [])
        self.assertEqual(groups.open_ports(by_nat(), Place(ELSEWHERE), TASK), [])
        network = self.changed("sg-service", "IpPermissions", rule(8080, group="sg-service"))
        network.groups["sg-service"]["IpPermissionsEgress"].append(rule(8080, cidr="10.0.0.0/16"))
        self.assertEqual(groups.open_ports(network, TASK, OTHER), [(8080, 8080)])


class Ways(unittest.TestCase):
    def expect(self, ports, network, service="xray", address=XRAY):
        self.assertEqual(ways.reachable_ports(network, TASK, service, address), ports)

    def test_a_task_reaches_services_by_nat_by_gateway_endpoints_and_by_interface_endpoints(self):
        for network in (by_nat(), by_endpoints()):
            self.expect([(443, 443)], network)
            self.expect([(443, 443)], network, "dynamodb", DYNAMODB)
        self.expect(None, by_endpoints(), "logs", "203.0.113.8")

    def test_a_wrong_route_is_no_way(self):
        for wrong in (
            lambda network: network.tables["private"]["Routes"].clear(),
            lambda network: network.tables["private"]["Routes"][0].update(NatGatewayId="nat-2"),
            # A task has no public address, so an internet gateway does not send its packets on.
            lambda network: network.tables["private"].update(Routes=[{"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1"}]),
            lambda network: network.tables["private"]["Routes"].append({"DestinationCidrBlock": "203.0.113.0/24", "GatewayId": "local"}),
            lambda network: network.tables["private"].update(Associations=[]),
            lambda network: network.tables["public"]["Routes"].pop(),
            lambda network: network.nat_gateways["nat-1"].update(State="deleting"),
            lambda network: network.nat_gateways["nat-1"].update(SubnetId="private-a"),
            lambda network: network.internet_gateways["igw-1"].update(Attachments=[]),
        ):
            network = copy.deepcopy(by_nat())
            wrong(network)
            self.expect(None, network)
            # The gateway endpoint is a route of its own.
            expected = None if not network.tables["private"]["Associations"] else [(443, 443)]
            self.expect(expected, network, "dynamodb", DYNAMODB)
        network = by_endpoints()
        network.endpoints["vpce-dynamodb"]["RouteTableIds"] = ["public"]
        self.expect(None, network, "dynamodb", DYNAMODB)

    def test_the_main_table_serves_subnets_without_an_association(self):
        network = by_nat()
        network.tables["private"]["Associations"] = []
        network.tables["main"]["Routes"] = network.tables["private"]["Routes"]
        self.expect([(443, 443)], network)

    def test_a_regional_nat_gateway_needs_no_subnet(self):
        network = by_nat()
        network.nat_gateways["nat-1"]["SubnetId"] = ""
        self.expect([(443, 443)], network)
        network.internet_gateways.clear()
        self.expect(None, network)

    def test_a_wrong_rule_closes_an_endpoint(self):
        for wrong in (
            lambda network: network.groups["sg-service"]["IpPermissionsEgress"].pop(),
            lambda network: network.groups["sg-endpoints"]["IpPermissions"].clear(),
            lambda network: network.groups["sg-endpoints"]["IpPermissions"][0].update(FromPort=444, ToPort=444),
            lambda network: network.endpoints["vpce-xray"].update(Groups=["sg-balancer"]),
        ):
            network = by_endpoints()
            wrong(network)
            self.expect([], network)
        network = by_endpoints()
        network.prefix_lists["pl-dynamodb"] = ["100.64.2.0/24"]
        self.expect([], network, "dynamodb", DYNAMODB)

    def test_without_its_private_name_an_endpoint_is_no_way(self):
        network = by_endpoints()
        network.endpoints["vpce-xray"]["PrivateDnsEnabled"] = False
        self.expect(None, network)


class Packets(unittest.TestCase):
    def lines(self, network):
        services = {"dynamodb": DYNAMODB, "xray": XRAY}
        return packets.table(network, {"10.0.0.0/17"}, [TASK, OTHER], [BALANCER], services, "169.254.170.2", 4566).splitlines()

    def place(self, lines, *words):
        (found,) = (number for number, line in enumerate(lines) if all(word in line for word in words))
        return found

    def test_the_filter_accepts_the_open_ports_and_drops_the_rest(self):
        lines = self.lines(by_nat())
        for address in (XRAY, DYNAMODB):
            self.place(lines, f"FROM-TASKS --source 10.0.0.1 --destination {address} --protocol tcp --dport 443:443 --jump ACCEPT")
        for port in (8080, 8081):
            self.place(lines, f"TO-TASKS --destination 10.0.0.2 --match owner --gid-owner 4566 --protocol tcp --dport {port}:{port} --jump ACCEPT")
        for chain in ("FROM-TASKS", "TO-TASKS"):
            rules = [line for line in lines if line.startswith(f"-A {chain} ")]
            self.assertEqual(rules[-1], f"-A {chain} --jump DROP")
        self.assertFalse([line for line in lines if "--source 10.0.0.1 --destination 10.0.0.2" in line])

    def test_without_a_route_no_packet_passes_and_without_a_rule_no_new_connection(self):
        network = by_nat()
        network.tables["private"]["Routes"].clear()
        lines = self.lines(network)
        self.assertLess(self.place(lines, f"--source 10.0.0.1 --destination {XRAY} --jump DROP"), self.place(lines, "FROM-TASKS", "ESTABLISHED"))
        network = by_nat()
        network.groups["sg-service"]["IpPermissionsEgress"].clear()
        self.assertFalse([line for line in self.lines(network) if XRAY in line])
