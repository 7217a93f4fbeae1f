"""Proofs that packets go the applied ways only, and that planted faults are found.

The faults are a wrong rule of a security group, a wrong route and a wrong health path. An alarm rings during a deployment, and a client exceeds the
firewall's rate.

Each fault is a change behind Terraform's back, and is taken back.
"""

import contextlib
import re
from concurrent.futures import ThreadPoolExecutor

from client import expect
from harness import OFFSET, sandbox
from strict import Packets, bounded, desired, hurried, inside, scale, service, until

# Time of a deployment until its tasks start, on a busy machine.
PLANNING = 600


def expect_applied_ways(echo):
    packets = Packets(echo)
    services = {(packets.service(name), 443) for name in ("dynamodb", "monitoring", "xray")}
    tasks = {(address, port) for address in packets.addresses for port in (8080, 8081)}
    # Ports of the emulator and of DynamoDB Local, and another port of a service.
    closed = {(packets.service("xray"), 80), ("169.254.170.2", 4566), (gateway(), 4566), (gateway(), 8000)}
    with ThreadPoolExecutor() as pool:
        from_task = pool.submit(packets.from_task, *services, *closed, *tasks)
        from_balancer = pool.submit(packets.from_balancer, *tasks, *((address, 22) for address in packets.addresses))
        from_elsewhere = pool.submit(packets.from_elsewhere, *tasks)
    expect("the services that a task reaches", from_task.result() - tasks, services)
    # A task reaches itself by its loopback, which no security group filters.
    expect("the tasks that a task reaches", len({address for address, _ in from_task.result() & tasks}), 1)
    expect("the tasks that the load balancer reaches", from_balancer.result(), tasks)
    expect("the tasks that others reach", from_elsewhere.result(), set())


def gateway():
    """The address of the container network in the emulator's namespace."""
    return re.search(r"inet ([\d.]+)/\d+ brd .* cni-podman", inside("ip", "-oneline", "-family", "inet", "address").stdout)[1]


def expect_clients(echo):
    ask = lambda face: statuses("198.51.100.7", f"http://127.0.0.1:{port_of(face)}/")
    expect("the answers of mocks and management", (ask(echo.mocks), ask(echo.management)), (["404"], ["000"]))


def port_of(face):
    """The port of a listener inside the sandbox."""
    return int(face.address.rpartition(":")[2]) - OFFSET


def statuses(client, url):
    """The status of each answer to a client with this address; 000 without an answer in three seconds."""
    return inside("curl", "--silent", "--max-time", "3", "--interface", client, "--output", "/dev/null", "--write-out", "%{http_code}\\n", url).stdout.split()


@contextlib.contextmanager
def without_rule(echo, group, description):
    """Removes a rule that lets connections out of a security group, and adds it again."""
    ec2 = echo.aws.ec2
    (found,) = ec2.describe_security_groups(Filters=[{"Name": "tag:Name", "Values": [f"{echo.name}-{group}"]}])["SecurityGroups"]
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [found["GroupId"]]}])["SecurityGroupRules"]
    (rule,) = (rule for rule in rules if rule["IsEgress"] and rule.get("Description") == description)
    ends = {"UserIdGroupPairs": [{"GroupId": rule["ReferencedGroupInfo"]["GroupId"], "Description": description}]}
    permission = {"IpProtocol": rule["IpProtocol"], "FromPort": rule["FromPort"], "ToPort": rule["ToPort"], **ends}
    ec2.revoke_security_group_egress(GroupId=found["GroupId"], SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]])
    try:
        yield
    finally:
        tags = [{"ResourceType": "security-group-rule", "Tags": rule["Tags"]}]
        ec2.authorize_security_group_egress(GroupId=found["GroupId"], IpPermissions=[permission], TagSpecifications=tags)


def prove_wrong_rule(echo):
    with without_rule(echo, "load-balancer", "To the service: management"):
        expect("the answer of management", echo.management.ask("GET", "/endpoints")[0], 504)
        echo.no_mock("GET", "/through/the/other/port")
    echo.serves()


def prove_wrong_route(echo):
    ec2, packets = echo.aws.ec2, Packets(echo)
    xray, table = (packets.service("xray"), 443), (packets.service("dynamodb"), 443)
    private = ec2.describe_route_tables(Filters=[{"Name": "tag:Name", "Values": [f"{echo.name}-private-*"]}])["RouteTables"]
    with without_gateway_endpoint(echo, private) if not nat_of(private) else without_nat(echo, private):
        # With NAT, the gateway endpoint is a route of its own; without NAT, interface endpoints need no route.
        expect("the services that a task reaches", packets.from_task(xray, table), {table if nat_of(private) else xray})
        if nat_of(private):
            count = desired(echo)
            scale(echo, count + 1)
            reason = until("a new task fails", lambda: next((why for why in stopped(echo).values() if "i/o timeout" in why), None))
            scale(echo, count)
            expect("the unreached service", re.search(r"unable to reach (\S+?)\.", reason)[1], "ecr")
    expect("the services that a task reaches", packets.from_task(xray, table), {xray, table})
    until("management is ready", lambda: echo.management.ask("GET", "/-/ready")[0] == 200)


def nat_of(tables):
    return {table["RouteTableId"]: route["NatGatewayId"] for table in tables for route in table["Routes"] if "NatGatewayId" in route}


@contextlib.contextmanager
def without_nat(echo, tables):
    for table in nat_of(tables):
        echo.aws.ec2.delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
    try:
        yield
    finally:
        for table, gateway_id in nat_of(tables).items():
            echo.aws.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=gateway_id)


@contextlib.contextmanager
def without_gateway_endpoint(echo, tables):
    names = [table["RouteTableId"] for table in tables]
    found = echo.aws.ec2.describe_vpc_endpoints()["VpcEndpoints"]
    (endpoint,) = (one["VpcEndpointId"] for one in found if one["ServiceName"].endswith(".dynamodb") and one["VpcId"] == tables[0]["VpcId"])
    echo.aws.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, RemoveRouteTableIds=names)
    try:
        yield
    finally:
        echo.aws.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, AddRouteTableIds=names)


def stopped(echo):
    """The reasons of stopped tasks, by ARN."""
    arns = echo.aws.ecs.list_tasks(cluster=echo.name, desiredStatus="STOPPED")["taskArns"]
    return {task["taskArn"]: task["stoppedReason"] for task in echo.aws.ecs.describe_tasks(cluster=echo.name, tasks=arns)["tasks"]} if arns else {}


def prove_wrong_health_path(echo):
    elb = echo.aws.elbv2
    groups = elb.describe_target_groups()["TargetGroups"]
    before = {task["taskArn"] for task in echo.tasks()}
    set_path = lambda path: [elb.modify_target_group(TargetGroupArn=group["TargetGroupArn"], HealthCheckPath=path) for group in groups]
    states = lambda: [target["TargetHealth"] for group in groups for target in elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]]
    # In a hurry, the processor time of a start would scale out.
    with bounded(echo, len(before), len(before)), hurried(60):
        try:
            set_path("/-/wrong")
            until("targets are unhealthy", lambda: all("[404]" in state.get("Description", "") for state in states()))
            # The replacements fail the same check, so the tasks run on. The load balancer uses them as a last resort.
            events = lambda: " ".join(event["message"] for event in service(echo)["events"])
            until("ECS names the failed checks", lambda: "failed ELB health checks" in events())
            expect("the running tasks", {task["taskArn"] for task in echo.tasks()}, before)
            echo.serves()
        finally:
            set_path(groups[0]["HealthCheckPath"])
        until("all tasks are replaced", lambda: before <= set(stopped(echo)) and len(echo.tasks()) == len(before))
    for task in before:
        expect("the reason", "failed ELB health checks" in stopped(echo)[task], True)
    echo.serves()


def prove_alarm(echo, deploy, serving):
    """`deploy`: the arguments of scripts/sandbox for a deployment; `serving`: the image that runs before and afterwards."""
    names = service(echo)["deploymentConfiguration"]["alarms"]["alarmNames"]
    # The faults before may ring alarms, and ECS ignores an alarm that rings at the start of a deployment.
    quiet = lambda: [one["AlarmName"] for one in echo.aws.cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"] if one["StateValue"] == "OK"]
    alarm = until("an alarm is quiet", quiet, PLANNING)[0]
    set_state = lambda state: echo.aws.cloudwatch.set_alarm_state(AlarmName=alarm, StateValue=state, StateReason="proof")
    with ThreadPoolExecutor() as pool:
        deploying = pool.submit(sandbox, *deploy)
        until("the deployment is in progress", lambda: service(echo)["deployments"][0]["rolloutState"] == "IN_PROGRESS" or deploying.done(), PLANNING)

        def is_failed():
            # The evaluation of the alarm, each minute, calms it again.
            set_state("ALARM")
            return deploying.done() or any("alarm detected" in one["rolloutStateReason"] for one in service(echo)["deployments"])

        try:
            until("the deployment fails", is_failed, PLANNING)
        finally:
            set_state("OK")
        code, output = deploying.result()
    if code == 0 or not re.search("alarm detected|rolled back", output):
        raise AssertionError(f"the deployment ended with {code}, and does not name the alarm as the reason:\n{output[-3000:]}")
    expect("the event", any("alarm detected" in event["message"] for event in service(echo)["events"]), True)
    expect("the images that run", {image.partition("@")[2] for image in echo.images()}, {serving.partition("@")[2]})


def has_firewall(echo):
    return echo.name in {acl["Name"] for acl in echo.aws.wafv2.list_web_acls(Scope="REGIONAL")["WebACLs"]}


def prove_firewall(echo):
    """The web ACL gets a low limit behind Terraform's back."""
    wafv2 = echo.aws.wafv2
    (name,) = ({"Name": acl["Name"], "Scope": "REGIONAL", "Id": acl["Id"]} for acl in wafv2.list_web_acls(Scope="REGIONAL")["WebACLs"] if acl["Name"] == echo.name)

    def limit(requests):
        found = wafv2.get_web_acl(**name)
        acl = found["WebACL"]
        (rate,) = (rule["Statement"]["RateBasedStatement"] for rule in acl["Rules"] if "RateBasedStatement" in rule["Statement"])
        before, rate["Limit"] = rate["Limit"], requests
        told = {key: acl[key] for key in ("DefaultAction", "Description", "Rules", "VisibilityConfig")}
        wafv2.update_web_acl(**name, **told, LockToken=found["LockToken"])
        return before

    url = f"http://127.0.0.1:{port_of(echo.mocks)}/firewall"
    # No other proof calls from these addresses.
    expect("the answers below the limit", set(statuses("127.0.0.3", f"{url}?[1-150]")), {"404"})
    before = limit(100)
    try:
        until("the client above the limit is refused", lambda: statuses("127.0.0.3", url) == ["403"])
        expect("the answer to another client", statuses("127.0.0.4", url), ["404"])
    finally:
        limit(before)
    until("the client is let in again", lambda: statuses("127.0.0.3", url) == ["404"])
