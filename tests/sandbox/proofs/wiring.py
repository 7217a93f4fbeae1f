"""The wiring of infrastructure and service: compares the applied environment, read through AWS's API, with the running binary.

`all_of` returns the proofs, each with its description.
"""

import fnmatch
import io
import itertools
import json
import re
import subprocess
import tarfile
import urllib.parse
from functools import cached_property

import policies
import roles
import watched_names

# Time of the service for its last telemetry (FLUSH_DEADLINE in service/src/main.rs), and to close its store.
LAST_SECONDS = 6
# Time of a call for the table, before the delay of its answer begins.
TABLE_SECONDS = 5


def all_of(echo, state, inside):
    wiring = Wiring(echo, state, inside)
    return [
        ("the binary knows and parses each variable of Terraform", wiring.variables),
        ("listeners, target groups, containers and the service agree on ports", wiring.ports),
        ("clients reach only the load balancer, the load balancer only the service, and the service only AWS", wiring.security_groups),
        ("the binary answers the health checks", wiring.health),
        ("load balancer and firewall pass on all parts of a request that mocks test", wiring.requests),
        ("the times of load balancer, task and service fit into each other", wiring.times),
        ("the task's role allows what the service calls, and nothing more", wiring.task_role),
        ("the execution role pulls the task's images, reads its secrets and writes its logs, and nothing more", wiring.execution_role),
        ("the flow logs' role writes to their group, and nothing more", wiring.flow_logs_role),
        ("both roles are for tasks of this account only", wiring.trust),
        ("the environment's boundary applies to all roles, and allows all their rights", wiring.boundary),
        ("all names in dashboard and alarms exist, and all alarms are on the dashboard", wiring.watched),
    ]


def check(holds, otherwise):
    if not holds:
        raise AssertionError(otherwise)


def secret_arn(secret):
    """The ARN of the secret itself, without key, stage and version."""
    return ":".join(secret["valueFrom"].split(":")[:7])


def pairs_of(statements):
    """The allowed pairs of action and resource."""
    pairs = set()
    for statement in statements:
        check(statement["Effect"] == "Allow" and "NotAction" not in statement, f"a statement that this test does not understand: {statement}")
        pairs |= set(itertools.product(policies.listed(statement["Action"]), policies.listed(statement["Resource"])))
    return pairs


class Wiring:
    def __init__(self, echo, state, inside):
        self.echo, self.aws, self.state, self.inside = echo, echo.aws, state, inside

    @cached_property
    def service(self):
        return self.aws.ecs.describe_services(cluster=self.echo.name, services=["echo"])["services"][0]

    @cached_property
    def task(self):
        return self.aws.ecs.describe_task_definition(taskDefinition=self.service["taskDefinition"])["taskDefinition"]

    @cached_property
    def container(self):
        return next(container for container in self.task["containerDefinitions"] if container["name"] == "echo")

    @cached_property
    def environment(self):
        return {variable["name"]: variable["value"] for variable in self.container["environment"]}

    @cached_property
    def log_group(self):
        return self.container["logConfiguration"]["options"]["awslogs-group"]

    @cached_property
    def table(self):
        return self.aws.dynamodb.describe_table(TableName=self.environment["ECHO_STORE"].removeprefix("dynamodb:"))["Table"]

    @cached_property
    def groups(self):
        """The target groups, by the port of the container."""
        ports = {balancer["targetGroupArn"]: balancer["containerPort"] for balancer in self.service["loadBalancers"]}
        groups = self.aws.elbv2.describe_target_groups(TargetGroupArns=list(ports))["TargetGroups"]
        return {ports[group["TargetGroupArn"]]: group for group in groups}

    @cached_property
    def balancer(self):
        (arn,) = {arn for group in self.groups.values() for arn in group["LoadBalancerArns"]}
        return self.aws.elbv2.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]

    @cached_property
    def described_listeners(self):
        return self.aws.elbv2.describe_listeners(LoadBalancerArn=self.balancer["LoadBalancerArn"])["Listeners"]

    @property
    def listeners(self):
        """The target group of each listener, by port. None for a redirect."""
        return {listener["Port"]: listener["DefaultActions"][0].get("TargetGroupArn") for listener in self.described_listeners}

    @property
    def certificates(self):
        return {it["CertificateArn"] for listener in self.described_listeners for it in listener.get("Certificates", [])}

    def listener(self, face):
        """The port of a listener, without the sandbox's offset."""
        offset = urllib.parse.urlsplit(self.aws.elbv2.meta.endpoint_url).port - 4566
        return int(getattr(self.echo, face).address.rpartition(":")[2]) - offset

    @cached_property
    def binary(self):
        """The binary of a running task, as an executable file."""
        names = self.inside("podman", "--remote", "--url", "unix:///mnt/podman.sock", "ps", "--format", "{{.ID}} {{.Image}}").decode()
        container = next(line.split()[0] for line in names.splitlines() if "/echo-service@" in line or "/echo-service:" in line)
        archive = self.inside("podman", "--remote", "--url", "unix:///mnt/podman.sock", "cp", f"{container}:{self.container['healthCheck']['command'][1]}", "-")
        folder = self.state / "binary"
        with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
            opened.extractall(folder, filter="data")
        return folder / "echo-service"

    def run(self, *arguments, **environment):
        return subprocess.run([self.binary, *arguments], env=environment, capture_output=True, text=True, check=False)

    def port(self, face):
        return int(self.environment[{"mocks": "ECHO_LISTEN", "management": "ECHO_MANAGEMENT_LISTEN"}[face]].rpartition(":")[2])

    def seconds(self, name):
        """The duration of a setting in seconds: the task's value, or the binary's default."""
        default = re.search(rf"\[env: {name}=?\]\s+\[default: (\w+)\]", self.run("--help").stdout)
        return int(re.fullmatch(r"(\d+)s", self.environment.get(name) or default[1])[1])

    def variables(self):
        names = set(self.environment) | {secret["name"] for secret in self.container["secrets"]}
        known = set(re.findall(r"\[env: (\w+)", self.run("--help").stdout))
        settings = {name for name in names if name.startswith("ECHO_")}
        check(settings <= known, f"--help does not name {settings - known}")
        # Libraries read the variables of OpenTelemetry and AWS, so the binary contains the names.
        content = self.binary.read_bytes()
        check(not (unread := {name for name in names if name.encode() not in content}), f"the binary reads nothing of the name {unread}")
        values = self.environment | {
            secret["name"]: self.aws.secretsmanager.get_secret_value(SecretId=secret_arn(secret))["SecretString"]
            for secret in self.container["secrets"]
        }
        # `healthcheck` reads all settings, and ends with 64 (EX_USAGE) after a wrong one. An answer does not matter
        # here.
        given = self.run("healthcheck", **values)
        check(given.returncode != 64, f"the binary refuses the variables: {given.stderr}")
        for wrong in ({"ECHO_IDLE_TIMEOUTS": "75s"}, {"ECHO_IDLE_TIMEOUT": "75 apples"}):
            check(self.run("healthcheck", **values | wrong).returncode == 64, f"the binary takes {wrong}, so this check cannot fail")

    def ports(self):
        mapped = {mapping["containerPort"] for mapping in self.container["portMappings"]}
        check(mapped == set(self.groups) == {self.port("mocks"), self.port("management")}, f"{mapped}, {set(self.groups)} and the settings differ")
        for face in ("mocks", "management"):
            listener = self.listener(face)
            group = self.groups[self.port(face)]
            check(self.listeners[listener] == group["TargetGroupArn"], f"the listener {listener} does not lead to {face}")
            check(group["Port"] == self.port(face), f"{face}: the target group has port {group['Port']}, the service {self.port(face)}")

    def rules(self, group, egress):
        """The rules of a security group: first and last port, and the group, prefix list or network at the other end."""
        found = self.aws.ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
        return {
            (rule["FromPort"], rule["ToPort"], rule.get("ReferencedGroupInfo", {}).get("GroupId") or rule.get("PrefixListId") or rule["CidrIpv4"])
            for rule in found
            if rule["IsEgress"] == egress
        }

    def security_groups(self):
        (service,) = self.service["networkConfiguration"]["awsvpcConfiguration"]["securityGroups"]
        (balancer,) = self.balancer["SecurityGroups"]
        tagged = [{"Name": "tag:Name", "Values": [f"{self.echo.name}-endpoints"]}]
        (endpoints,) = (group["GroupId"] for group in self.aws.ec2.describe_security_groups(Filters=tagged)["SecurityGroups"])
        ways = self.aws.ec2.describe_vpc_endpoints(Filters=[{"Name": "vpc-id", "Values": [self.balancer["VpcId"]]}])["VpcEndpoints"]
        interfaces = [way for way in ways if way["VpcEndpointType"] == "Interface"]
        gateways = {way["ServiceName"] for way in ways if way["VpcEndpointType"] == "Gateway"}
        lists = {entry["PrefixListId"] for entry in self.aws.ec2.describe_prefix_lists()["PrefixLists"] if entry["PrefixListName"] in gateways}
        management = self.listener("management")
        for group, egress, wanted in (
            (balancer, False, {(port, port, "127.0.0.0/8" if port == management else "0.0.0.0/0") for port in self.listeners}),
            (balancer, True, {(port, port, service) for port in self.groups}),
            (service, False, {(port, port, balancer) for port in self.groups}),
            (service, True, {(443, 443, end) for end in [endpoints, *lists, *([] if interfaces else ["0.0.0.0/0"])]}),
            (endpoints, False, {(443, 443, service)}),
            (endpoints, True, set()),
        ):
            found = self.rules(group, egress)
            check(found == wanted, f"{group} lets {'out' if egress else 'in'} {found}, and should {wanted}")
        check(all([entry["GroupId"] for entry in way["Groups"]] == [endpoints] for way in interfaces), "an endpoint has another security group")

    def health(self):
        for group in self.groups.values():
            check(group["HealthCheckPort"] == str(self.port("management")), f"health is asked on port {group['HealthCheckPort']}")
            status = self.echo.management.ask("GET", group["HealthCheckPath"])[0]
            check(str(status) == group["Matcher"]["HttpCode"], f"{group['HealthCheckPath']} answers {status}, which is not healthy")
        # An unknown path gets another answer, so the check can fail.
        check(self.echo.management.ask("GET", group["HealthCheckPath"] + "x")[0] == 404, "management answers any path")
        form, *command = self.container["healthCheck"]["command"]
        check(form == "CMD" and command[0] == "/echo-service", f"the container's health check is {command}")
        check(self.run(*command[1:], "--help").returncode == 0, f"the binary has no command {command[1:]}")

    @cached_property
    def attributes(self):
        """The attributes of the load balancer."""
        described = self.aws.elbv2.describe_load_balancer_attributes(LoadBalancerArn=self.balancer["LoadBalancerArn"])
        return {attribute["Key"]: attribute["Value"] for attribute in described["Attributes"]}

    def requests(self):
        dropped = self.attributes["routing.http.drop_invalid_header_fields.enabled"]
        check(dropped == "false", "the load balancer drops headers with underscores")
        wafv2 = self.aws.wafv2
        acls = [wafv2.get_web_acl(Scope="REGIONAL", Name=it["Name"], Id=it["Id"])["WebACL"] for it in wafv2.list_web_acls(Scope="REGIONAL")["WebACLs"]]
        for rule in (rule for acl in acls for rule in acl["Rules"]):
            # The rules for a client's address and rate say nothing of the request.
            group = rule["Statement"].get("ManagedRuleGroupStatement", {}).get("Name", "")
            judges_requests = group.endswith("RuleSet")
            check(not judges_requests or "Count" in rule["OverrideAction"], f"the firewall blocks requests by {group}")

    def times(self):
        ending = self.seconds("ECHO_SHUTDOWN_DELAY") + self.seconds("ECHO_SHUTDOWN_DEADLINE")
        idle = int(self.attributes["idle_timeout.timeout_seconds"])
        check(idle < self.seconds("ECHO_IDLE_TIMEOUT"), f"the load balancer keeps connections for {idle} s, longer than the service")
        longest = self.seconds("ECHO_MAX_DELAY") + TABLE_SECONDS
        check(longest < idle, f"the load balancer waits {idle} s for an answer, and a mock may answer after {longest} s")
        check(ending + LAST_SECONDS <= self.container["stopTimeout"], f"the service needs {ending + LAST_SECONDS} s to end, and is killed before")
        for group in self.groups.values():
            found = self.aws.elbv2.describe_target_group_attributes(TargetGroupArn=group["TargetGroupArn"])["Attributes"]
            delay = int(next(a["Value"] for a in found if a["Key"] == "deregistration_delay.timeout_seconds"))
            check(delay >= ending, f"connections are cut {delay} s after deregistration, while the service finishes requests for {ending} s")
            check(delay >= idle, f"connections are cut {delay} s after deregistration, while an answer may take {idle} s")

    def allowed(self, role_arn):
        """The pairs of action and resource that a role's policies allow."""
        return pairs_of(policies.statements(policies.of_role(self.aws.iam, role_arn.rpartition("/")[2]).values()))

    def evaluate(self, role_arn, pairs):
        """The role may use each pair of action and resource within its boundary."""
        # Logs are written to a stream of a group.
        questions = [(role_arn.rpartition("/")[2], action, re.sub(r":\*$", ":log-stream:any", resource)) for action, resource in sorted(pairs)]
        roles.expect_all_allowed(roles.judge(self.state, roles.case(self.aws, self.state, questions=questions)), 0)

    def task_role(self):
        store, table = self.table["TableName"], self.table["TableArn"]
        # Each kind of request once, so that the service makes every kind of call.
        endpoint = self.echo.create("GET", "/each/kind")
        change = {"data": {"type": "endpoints", "id": endpoint, "attributes": {"path": "/each/other/kind"}}}
        for verb, path, document in (("GET", "/endpoints", None), ("PATCH", f"/endpoints/{endpoint}", change), ("DELETE", f"/endpoints/{endpoint}", None)):
            check(self.echo.manage(verb, path, document)[0] in (200, 204), f"{verb} {path} fails")
        called = dict.fromkeys((self.state / "calls/tasks").read_text().splitlines())
        needed = {(right.split()[0], table if right.split()[1] == store else right) for right in called}
        telemetry = {("cloudwatch:PutMetricData", "*"), ("xray:PutTraceSegments", "*")}
        allowed = self.allowed(self.task["taskRoleArn"])
        check(allowed == needed | telemetry, f"allowed and not called: {allowed - needed - telemetry}; called and not allowed: {needed - allowed}")
        self.evaluate(self.task["taskRoleArn"], needed | telemetry)

    def execution_role(self):
        needed = {("ecr:GetAuthorizationToken", "*")}
        for container in self.task["containerDefinitions"]:
            account, region, repository = re.match(r"(\d+)\.dkr\.ecr\.([\w-]+)\.amazonaws\.com/(.+)@", container["image"]).groups()
            pulls = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
            # The first pull of an image of another registry fills the cache.
            fills = ["ecr:BatchImportUpstreamImage"] if repository.startswith("ecr-public/") else []
            needed |= {(action, f"arn:aws:ecr:{region}:{account}:repository/{repository}") for action in pulls + fills}
            logs = container["logConfiguration"]["options"]
            group = f"arn:aws:logs:{logs['awslogs-region']}:{account}:log-group:{logs['awslogs-group']}:*"
            needed |= {(action, group) for action in ("logs:CreateLogStream", "logs:PutLogEvents")}
            secrets = {secret_arn(secret) for secret in container.get("secrets", [])}
            needed |= {("secretsmanager:GetSecretValue", secret) for secret in secrets}
        allowed = self.allowed(self.task["executionRoleArn"])
        check(allowed == needed, f"allowed and not needed: {allowed - needed}; needed and not allowed: {needed - allowed}")
        self.evaluate(self.task["executionRoleArn"], needed)

    @cached_property
    def flow_log(self):
        (flow_log,) = (log for log in self.aws.ec2.describe_flow_logs()["FlowLogs"] if {"Key": "Name", "Value": self.echo.name} in log["Tags"])
        return flow_log

    def flow_logs_role(self):
        # https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html, without the actions that make a
        # group or look for it.
        role, group = self.flow_log["DeliverLogsPermissionArn"], self.flow_log["LogDestination"].removesuffix(":*")
        asked = {"logs:DescribeLogStreams": group, "logs:CreateLogStream": f"{group}:*", "logs:PutLogEvents": f"{group}:*"}
        needed = set(itertools.product(asked, asked.values()))
        allowed = self.allowed(role)
        check(allowed == needed, f"allowed and not needed: {allowed - needed}; needed and not allowed: {needed - allowed}")
        self.evaluate(role, set(asked.items()))

    def boundary(self):
        name = f"policy/github/echo-boundary-{self.echo.name.removeprefix('echo-')}"
        for arn in (self.task["taskRoleArn"], self.task["executionRoleArn"], self.flow_log["DeliverLogsPermissionArn"]):
            bound = self.aws.iam.get_role(RoleName=arn.rpartition("/")[2])["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"]
            check(bound == f"arn:aws:iam::{arn.split(':')[4]}:{name}", f"{arn} is bounded by {bound}")
            largest = pairs_of(policies.statements([policies.managed(self.aws.iam, bound)]))
            within = lambda action, resource: any(action == most and fnmatch.fnmatchcase(resource, pattern) for most, pattern in largest)
            beyond = {pair for pair in self.allowed(arn) if not within(*pair)}
            check(not beyond, f"{arn} has rights beyond its boundary: {beyond}")

    def trust(self):
        for arn in (self.task["taskRoleArn"], self.task["executionRoleArn"]):
            account = arn.split(":")[4]
            document = self.aws.iam.get_role(RoleName=arn.rpartition("/")[2])["Role"]["AssumeRolePolicyDocument"]
            (statement,) = document["Statement"]
            check(statement["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}, f"{arn} trusts {statement['Principal']}")
            conditions = {name: value for operator in statement["Condition"].values() for name, value in operator.items()}
            wanted = {"aws:SourceAccount": account, "aws:SourceArn": f"arn:aws:ecs:{self.aws.ecs.meta.region_name}:{account}:*"}
            check(conditions == wanted, f"{arn} trusts on the conditions {conditions}")

    def watched(self):
        names = {"AlarmNamePrefix": f"{self.echo.name}-"}
        alarms, there = self.aws.cloudwatch.describe_alarms(**names)["MetricAlarms"], watched_names.there(self)
        dashboard = self.aws.cloudwatch.get_dashboard(DashboardName=self.echo.name)["DashboardBody"]
        watched_names.expect_dashboard(json.loads(dashboard)["widgets"], there, self.log_group, {alarm["AlarmArn"] for alarm in alarms})
        watched_names.expect_alarms(alarms, there, {topic["TopicArn"] for topic in self.aws.sns.list_topics()["Topics"]})
        rolling_back = set(self.service["deploymentConfiguration"]["alarms"]["alarmNames"])
        check(rolling_back, "no alarm rolls a deployment back")
        check(rolling_back <= {alarm["AlarmName"] for alarm in alarms}, f"not all of {rolling_back}, which roll a deployment back, are there")
