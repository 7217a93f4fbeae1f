"""Proves in a sandbox that environments fit into an existing company: its VPC, hosted zone, keys, boundary and topic.

staging creates its interface endpoints in the company's VPC, and prod uses them. First come wrong values, which a plan
has to refuse with a correction. One line for each step, with the time it took. tests/sandbox/run --company calls it.
Left out: tasks, because each counts as running at once. environment.py runs tasks.
"""

import argparse
import json
import sys
from pathlib import Path

# Clients of the emulated AWS.
sys.path.append(str(Path(__file__).resolve().parents[1] / "emulator"))

from aws import REGION, Aws
from client import expect
from harness import OFFSET, STATE, ended, in_order, proving, sandbox, succeed

ACCOUNT = "000000000000"


class Company:
    """The resources of other owners, made by AWS's API."""

    def __init__(self, aws):
        self.aws = aws
        self.vpc = aws.ec2.create_vpc(CidrBlock="10.50.0.0/16")["Vpc"]["VpcId"]
        for name in ("EnableDnsSupport", "EnableDnsHostnames"):
            aws.ec2.modify_vpc_attribute(VpcId=self.vpc, **{name: {"Value": True}})
        gateway = aws.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        aws.ec2.attach_internet_gateway(VpcId=self.vpc, InternetGatewayId=gateway)
        self.public = [self.subnet(f"10.50.{number}.0/24", zone) for number, zone in enumerate("ab")]
        self.private = [self.subnet(f"10.50.{number}.0/24", zone) for number, zone in enumerate("abb", start=10)]
        table = aws.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        for subnet in self.private:
            aws.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        for service in ("dynamodb", "s3"):
            endpoint = aws.ec2.create_vpc_endpoint(VpcId=self.vpc, ServiceName=f"com.amazonaws.{REGION}.{service}")["VpcEndpoint"]["VpcEndpointId"]
            aws.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, AddRouteTableIds=[table])
        zone = lambda name, **more: aws.route53.create_hosted_zone(Name=name, CallerReference=name, **more)["HostedZone"]["Id"].removeprefix("/hostedzone/")
        self.zone = zone("company.test")
        self.inner_zone = zone("inner.test", VPC={"VPCRegion": REGION, "VPCId": self.vpc}, HostedZoneConfig={"PrivateZone": True})
        self.key = aws.kms.create_key(Description="The company's key")["KeyMetadata"]["Arn"]
        self.topic = aws.sns.create_topic(Name="operations")["TopicArn"]
        allow_all = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
        self.boundary = aws.iam.create_policy(PolicyName="company-boundary", PolicyDocument=allow_all)["Policy"]["Arn"]

    def subnet(self, cidr, zone):
        return self.aws.ec2.create_subnet(VpcId=self.vpc, CidrBlock=cidr, AvailabilityZone=f"{REGION}{zone}")["Subnet"]["SubnetId"]

    def values(self, env, endpoints, **changed):
        """The arguments of the call of infra/echo."""
        network = {"vpc_id": self.vpc, "task_subnet_ids": self.private[:2], "load_balancer_subnet_ids": self.public, "interface_endpoints": endpoints}
        return {
            "network": None,
            "existing_network": network | changed.pop("network", {}),
            "domain": {"name": f"{env}.company.test", "zone_id": self.zone} | changed.pop("domain", {}),
            "iam": {"permissions_boundary_arn": self.boundary, "role_path": "/company/"},
            "kms_key_arn": self.key,
            "alarms": {"topic_arn": self.topic, "runbook_url": "https://company.test/runbook.md"},
        } | changed


def written(env, values):
    """Writes the override file of the copy that scripts/sandbox applies. JSON is valid in Terraform's values."""
    arguments = "".join(f"  {name} = {json.dumps(value)}\n" for name, value in values.items())
    (STATE / f"copy/environments/{env}/company_override.tf").write_text(f'module "echo" {{\n{arguments}}}\n')


def refused(company, what, sentence, **changed):
    with proving(f"staging: a plan refuses {what}"):
        written("staging", company.values("staging", True, **changed))
        code, output = sandbox("plan", "staging")
        told = " ".join(output.replace("│", " ").split())
        expect(f"an exit code other than 0 and 2, and {sentence!r} in: {output[-3000:]}", (code not in (0, 2), sentence in told), (True, True))


def prove_all():
    with proving("dev: applied with a network of its own, without tasks"):
        succeed("up", "dev", "--without-tasks")
    aws = Aws(f"http://127.0.0.1:{4566 + OFFSET}")
    company = Company(aws)
    sandbox("plan", "staging")
    a, b, other_b = company.private
    refused(company, "subnets in one zone", "All subnets of tasks are in one zone", network={"task_subnet_ids": [b, other_b]})
    refused(company, "two subnets of a zone", f"Name one of each: zone b: {', '.join(sorted([b, other_b]))}", network={"task_subnet_ids": [a, b, other_b]})
    # A rollout doubles the tasks.
    refused(company, "subnets with too few addresses", "Name a larger subnet, or lower `capacity.max`", capacity={"min": 2, "max": 126})
    refused(company, "a name of another zone", "and cannot hold echo.elsewhere.test", domain={"name": "echo.elsewhere.test"})
    refused(company, "a private zone", "Write the id of the public zone", domain={"name": "echo.inner.test", "zone_id": company.inner_zone})
    for env, endpoints in (("staging", True), ("prod", False)):
        with proving(f"{env}: applied in the company's VPC and behind its zone, and the next plan is empty"):
            written(env, company.values(env, endpoints))
            succeed("up", env, "--without-tasks")
            code, output = sandbox("plan", env)
            expect(f"changes of the next plan:\n{output[-3000:]}", code, 0)
        with proving(f"{env}: AWS has what the plan says"):
            prove_applied(company, env)
        with proving(f"{env}: AWS accepts every call in its order"):
            in_order(f"apply/{env}")
    with proving("prod and staging are destroyed, and the company keeps its resources"):
        succeed("down", "prod")
        succeed("down", "staging")
        expect("subnets", len(aws.ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [company.vpc]}])["Subnets"]), 5)
        kinds = {record["Type"] for record in aws.route53.list_resource_record_sets(HostedZoneId=company.zone)["ResourceRecordSets"]}
        expect("types of records in the zone", kinds, {"NS", "SOA"})
        expect("roles", [role["RoleName"] for role in aws.iam.list_roles(PathPrefix="/company/")["Roles"]], [])


def prove_applied(company, env):
    aws, name = company.aws, f"echo-{env}"
    (balancer,) = aws.elbv2.describe_load_balancers(Names=[name])["LoadBalancers"]
    expect("subnets of the load balancer", sorted(zone["SubnetId"] for zone in balancer["AvailabilityZones"]), sorted(company.public))
    listeners = aws.elbv2.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    (certificate,) = {it["CertificateArn"] for listener in listeners for it in listener.get("Certificates", [])}
    expect("name of the certificate", aws.acm.describe_certificate(CertificateArn=certificate)["Certificate"]["DomainName"], f"{env}.company.test")
    records = aws.route53.list_resource_record_sets(HostedZoneId=company.zone)["ResourceRecordSets"]
    (alias,) = [it["AliasTarget"]["DNSName"].rstrip(".") for it in records if it["Type"] == "A" and it["Name"] == f"{env}.company.test."]
    expect("target of the record", alias.removeprefix("dualstack."), balancer["DNSName"].lower())
    (service,) = aws.ecs.describe_services(cluster=name, services=["echo"])["services"]
    expect("subnets of tasks", sorted(service["networkConfiguration"]["awsvpcConfiguration"]["subnets"]), sorted(company.private[:2]))
    expect("key of the table", aws.dynamodb.describe_table(TableName=name)["Table"]["SSEDescription"]["KMSMasterKeyArn"], company.key)
    roles = [role for role in aws.iam.list_roles(PathPrefix="/company/")["Roles"] if role["RoleName"].startswith(name)]
    expect("roles", len(roles), 2)
    expect("boundaries", {aws.iam.get_role(RoleName=role["RoleName"])["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"] for role in roles}, {company.boundary})
    alarms = aws.cloudwatch.describe_alarms(AlarmNamePrefix=name)["MetricAlarms"]
    expect("topics of alarms", {action for alarm in alarms for action in alarm["AlarmActions"]}, {company.topic})


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    sys.exit(ended(prove_all))
