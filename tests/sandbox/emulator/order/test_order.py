"""The judge finds each planted fault in an order of calls, and nothing in a right order. Run by `scripts/test roots`."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

import order
from order import example as ex
from wire import request_of

TARGETS = {
    "ecs": "AmazonEC2ContainerServiceV20141113",
    "wafv2": "AWSWAF_20190729",
    "secretsmanager": "secretsmanager",
    "application-autoscaling": "AnyScaleFrontendService",
}


def headers_of(service):
    signature = f"AWS4-HMAC-SHA256 Credential=test/20261130/eu-central-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    return {"authorization": signature, "user-agent": "APN/1.0 HashiCorp/1.0 Terraform/1.11.4 app/sandbox+apply+dev"}


def call_of(line, rolling=()):
    """The call of a line of example.py, and its answer."""
    request, _, answer = line.partition(" > ")
    service, _, body = request.partition(" ")
    headers = headers_of(service)
    if not body.startswith("Action="):
        action, _, body = body.partition(" ")
        headers["x-amz-target"] = f"{TARGETS[service]}.{action}"
    call = order.call_of(request_of(headers, "POST", "/", "", body.encode()))
    call.rolling = list(rolling)
    return call, answer


def findings(lines, rolling=()):
    """The findings of a sandbox about these calls."""
    with tempfile.TemporaryDirectory() as folder:
        record = order.Record(Path(folder) / "calls")
        for line in lines:
            call, answer = call_of(line, rolling)
            if not record.refusal(call):
                record.taken(call, 200, answer)
        return order.refused(Path(folder), "apply/dev")


class Order(unittest.TestCase):
    def expect_none(self, *lines, rolling=()):
        self.assertEqual(findings(lines, rolling), [])

    def expect(self, finding, *lines, rolling=()):
        with self.subTest(finding):
            found = findings(lines, rolling)
            self.assertTrue(any(finding in line for line in found), f"{finding} is not in {found}")

    def test_nothing_is_wrong_with_the_life_of_an_environment(self):
        self.expect_none(*ex.BY_ENDPOINTS, *ex.WITHOUT_ALL_OF_SERVICE, *ex.without_endpoints(), *ex.WITHOUT_NETWORK)
        self.expect_none(*ex.BY_NAT, *ex.WITHOUT_ALL_OF_SERVICE, *ex.WITHOUT_WAY_BY_NAT, *ex.WITHOUT_NETWORK)
        self.expect_none(ex.BOUNDARY, ex.ROLE, ex.WITHOUT_ROLE, ex.WITHOUT_BOUNDARY)
        self.expect_none(ex.WITH_SECRET, ex.without_secret(ForceDeleteWithoutRecovery=True), ex.WITH_SECRET)

    def test_nothing_is_wrong_with_a_change_that_opens_the_new_way_first(self):
        self.expect_none(*ex.BY_NAT, *ex.TO_ENDPOINTS, *ex.TO_NAT)
        replaced = [ex.route("b", gateway, "ReplaceRoute") for gateway in ("nat-b", "nat-a")]
        self.expect_none(*ex.BY_NAT, *ex.nat("b"), *replaced, *ex.without_nat("b"))
        added = [*ex.zone("c"), ex.route("c", "nat-a"), ex.service_moves("a", "b", "c")]
        self.expect_none(*ex.BY_NAT, *added, ex.service_moves("a", "b"), ex.without_route("c"), *ex.without_zone("c"))
        smaller = ex.elb("SetSubnets", LoadBalancerArn=ex.BALANCER, Subnets__member__1="public-a")
        self.expect_none(*ex.BY_ENDPOINTS, ex.service_moves("a"), *ex.endpoints_leave("b"), smaller, *ex.without_zone("b"))

    def test_a_deletion_in_the_network_is_refused_while_the_resource_is_in_use(self):
        private, public = (ex.ec2("DeleteSubnet", SubnetId=f"{kind}-b") for kind in ("private", "public"))
        regional = ex.ec2("CreateNatGateway", "<natGatewayId>nat-1</natGatewayId>", AvailabilityMode="regional", VpcId="vpc-1")
        inside = ("internet gateway igw-1", "route table table-a", "endpoint vpce-s3", "security group sg-service", "subnet private-a", "NAT gateway nat-1")
        for thing in inside:
            self.expect(thing, *ex.NETWORK, regional, ex.WITHOUT_VPC)
        self.expect("DependencyViolation The vpc 'vpc-1' has dependencies", *ex.NETWORK, ex.WITHOUT_VPC)
        self.expect("'private-b' has dependencies and cannot be deleted. In use by: endpoint vpce-logs.", *ex.NETWORK, ex.endpoint("logs", "b"), private)
        self.expect("In use by: NAT gateway nat-b.", *ex.NETWORK, *ex.nat("b"), public)
        self.expect("In use by: load balancer", *ex.NETWORK, *ex.BALANCED, public)
        self.expect(f"In use by: service {ex.SERVICE}.", *ex.BY_NAT, private)
        service, endpoints = (ex.ec2("DeleteSecurityGroup", GroupId=f"sg-{name}") for name in ("service", "endpoints"))
        self.expect("resource sg-endpoints has a dependent object. In use by: rule out sgr-endpoints", *ex.NETWORK, endpoints)
        self.expect("In use by: rule in sgr-service", *ex.NETWORK, service)
        self.expect("endpoint vpce-logs", *ex.NETWORK, ex.endpoint("logs", "a"), endpoints)
        self.expect("load balancer", *ex.NETWORK, *ex.BALANCED, ex.elb("SetSecurityGroups", LoadBalancerArn=ex.BALANCER, SecurityGroups__member__1="sg-service"), service)
        self.expect(f"service {ex.SERVICE}", *ex.BY_NAT, service)
        self.expect("The routeTable 'table-b' has dependencies", *ex.NETWORK, ex.ec2("DeleteRouteTable", RouteTableId="table-b"))
        self.expect("AuthFailure You do not have permission", *ex.NETWORK, *ex.nat("a"), ex.ec2("ReleaseAddress", AllocationId="eipalloc-a"))
        self.expect("vpc-1 has some mapped public address(es)", *ex.NETWORK, *ex.nat("a"), ex.DETACHED)
        self.expect("vpc-1 has some mapped public address(es)", *ex.NETWORK, *ex.BALANCED, ex.DETACHED)
        self.expect("The internetGateway 'igw-1' has dependencies", *ex.NETWORK, ex.ec2("DeleteInternetGateway", InternetGatewayId="igw-1"))

    def test_another_deletion_is_refused_while_the_resource_is_in_use(self):
        inline = ex.iam("PutRolePolicy", PolicyName="table", RoleName="echo-dev-task")
        attached = ex.iam("AttachRolePolicy", PolicyArn=ex.POLICY, RoleName="echo-dev-task")
        protection = {"Attributes__member__1__Key": "deletion_protection.enabled", "Attributes__member__1__Value": "true"}
        protected = ex.elb("ModifyLoadBalancerAttributes", **protection, LoadBalancerArn=ex.BALANCER)
        leads = ex.elb("CreateRule", f"<RuleArn>{ex.LISTENER}/1</RuleArn>", Actions__member__1__TargetGroupArn=ex.GROUP, ListenerArn=f"{ex.LISTENER}/81")
        self.expect("ResourceInUse Target group", *ex.NETWORK, *ex.BALANCED, ex.WITHOUT_GROUP)
        self.expect("In use by: listener rule", *ex.NETWORK, *ex.BALANCED, leads, ex.WITHOUT_LISTENER, ex.WITHOUT_GROUP)
        self.expect("OperationNotPermitted", *ex.NETWORK, *ex.BALANCED, protected, ex.WITHOUT_BALANCER)
        self.expect("ClusterContainsServicesException", *ex.BY_NAT, ex.WITHOUT_CLUSTER)
        self.expect("The specified capacity provider is in use", *ex.BY_NAT, ex.WITHOUT_PROVIDERS)
        self.expect("WAFAssociatedItemException", *ex.NETWORK, *ex.BALANCED, *ex.FIREWALL, ex.WITHOUT_FIREWALL)
        self.expect("must delete policies first", ex.ROLE, inline, ex.WITHOUT_ROLE)
        self.expect("must detach all policies first", ex.ROLE, attached, ex.WITHOUT_ROLE)
        self.expect("Cannot delete a policy attached to entities. In use by: role echo-dev-task", ex.BOUNDARY, ex.ROLE, ex.WITHOUT_BOUNDARY)
        self.expect("Cannot delete a policy attached to entities. In use by: attachment", ex.BOUNDARY, attached, ex.WITHOUT_BOUNDARY)

    def test_a_creation_is_refused_before_what_it_needs_and_beside_what_it_repeats(self):
        unattached = [line for line in ex.NETWORK if line != ex.ATTACHED]
        second = ex.endpoint("logs", "a").replace("vpce-logs", "vpce-2")
        added = ex.ec2("ModifyVpcEndpoint", AddRouteTableId__1="table-a", VpcEndpointId="vpce-s3")
        target = ex.call("application-autoscaling", "RegisterScalableTarget", ServiceNamespace="ecs", ResourceId="service/echo-dev/echo")
        self.expect("Gateway.NotAttached", *unattached, *ex.nat("a"))
        self.expect("InvalidSubnet VPC vpc-1 has no internet gateway", *unattached, *ex.BALANCED)
        self.expect("InvalidSubnet.Conflict The CIDR '10.0.0.0/20'", *ex.NETWORK, *ex.zone("a"))
        self.expect("RouteAlreadyExists The route identified by 0.0.0.0/0", *ex.BY_NAT, ex.route("a", "nat-a"))
        self.expect("RouteAlreadyExists route table table-a", *ex.NETWORK, added)
        self.expect("conflicting DNS domain for com.amazonaws.eu-central-1.logs", *ex.NETWORK, ex.endpoint("logs", "a"), second)
        self.expect("does not have an associated load balancer", *ex.NETWORK, *ex.endpoints("a"), ex.service("a"))
        self.expect("ECS service doesn't exist: service/echo-dev/echo", target)
        self.expect("already scheduled for deletion", ex.WITH_SECRET, ex.without_secret(RecoveryWindowInDays=30), ex.WITH_SECRET)

    def test_a_listener_is_refused_with_the_port_the_settings_or_the_target_group_of_another(self):
        balanced, https = [*ex.NETWORK, *ex.BALANCED], ex.listener(443, "HTTPS", ex.CERTIFICATE + ex.TLS_POLICY)
        to_http = ex.elb("ModifyListener", ListenerArn=f"{ex.LISTENER}/443", Port="80", Protocol="HTTP")
        with_policy = ex.elb("ModifyListener", ListenerArn=f"{ex.LISTENER}/443", Port="443", Protocol="HTTP" + ex.TLS_POLICY)
        self.expect("DuplicateListener", *balanced, ex.listener(80, "HTTP", name="second"))
        self.expect("DuplicateListener", *balanced, https, to_http)
        self.expect("A certificate must be specified for HTTPS", *balanced, ex.listener(443, "HTTPS"))
        self.expect("An SSL policy cannot be specified for HTTP", *balanced, https, with_policy)
        self.expect("A certificate cannot be specified for HTTP", *balanced, ex.listener(443, "HTTP", ex.CERTIFICATE))
        self.expect("TargetGroupAssociationLimit", *balanced, ex.listener(80, "HTTP", balancer=f"{ex.BALANCER}-2", name="other"))
        self.expect_none(*balanced, https, ex.WITHOUT_LISTENER, to_http)

    def test_a_call_that_aws_takes_and_that_breaks_what_runs_is_found(self):
        self.expect("become black holes: route table-a 0.0.0.0/0", *ex.NETWORK, *ex.nat("a"), ex.route("a", "nat-a"), *ex.without_nat("a"))
        self.expect("A service still registers its tasks", *ex.BY_NAT, ex.WITHOUT_LISTENER, ex.WITHOUT_GROUP)

    def test_a_way_out_that_closes_before_its_successor_is_open_is_found(self):
        # NAT and interface endpoints replace each other.
        self.expect("subnet private-b cannot reach ecr.api, ecr.dkr, logs", *ex.BY_NAT, *ex.WITHOUT_WAY_BY_NAT, *ex.endpoints("a", "b"))
        self.expect("subnet private-a cannot reach xray", *ex.BY_ENDPOINTS, *ex.without_endpoints(), *ex.TO_NAT[:5])
        # A NAT gateway goes before the routes to it lead elsewhere.
        late = [*ex.nat("b"), *ex.without_nat("a"), *(ex.route(zone, "nat-b", "ReplaceRoute") for zone in "ab")]
        self.expect("subnet private-a cannot reach ecr.api", *ex.BY_NAT, *late)
        # Another table without a route takes the place of a subnet's.
        other = [ex.ec2("CreateRouteTable", "<routeTableId>table-2</routeTableId>", VpcId="vpc-1")]
        answer = "<newAssociationId>association-2</newAssociationId>"
        other += [ex.ec2("ReplaceRouteTableAssociation", answer, AssociationId="private-b-table", RouteTableId="table-2")]
        self.expect("subnet private-b cannot reach dynamodb, ecr.api", *ex.BY_NAT, *other)
        # The gateway itself loses its way.
        self.expect("subnet private-a cannot reach", *ex.BY_NAT, ex.ec2("DeleteRoute", DestinationCidrBlock="0.0.0.0/0", RouteTableId="table-public"))
        # A zone comes after the service has tasks in it, and goes before they have left.
        self.expect("subnet private-c cannot reach ecr.api", *ex.BY_NAT, *ex.zone("c"), ex.service_moves("a", "b", "c"), ex.route("c", "nat-a"))
        self.expect("subnet private-b cannot reach dynamodb", *ex.BY_ENDPOINTS, ex.without_gateway_endpoint("b", "dynamodb"), ex.service_moves("a"))
        self.expect("subnet private-b cannot reach dynamodb, s3", *ex.BY_ENDPOINTS, ex.ec2("DisassociateRouteTable", AssociationId="private-b-table"))
        # One service of AWS, and the rules of both security groups.
        self.expect("subnet private-a cannot reach logs:", *ex.BY_ENDPOINTS, *ex.without_endpoints(("logs",)))
        for closed in ex.WITHOUT_NETWORK[:2]:
            self.expect("subnet private-a cannot reach ecr.api, ecr.dkr, logs", *ex.BY_ENDPOINTS, closed)

    def test_tasks_keep_their_way_until_the_rollout_that_moves_them_is_over(self):
        leaving = [*ex.BY_NAT, ex.service_moves("a"), ex.without_route("b")]
        self.expect_none(*leaving)
        self.expect("subnet private-b cannot reach", *leaving, rolling=[ex.SERVICE])

    def test_a_finding_names_resources_as_terraform_names_them(self):
        tag = "&TagSpecification.1.ResourceType=subnet&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=echo-dev-private-b"
        tagged = [line.replace("&Version", f"{tag}&Version") if "<subnetId>private-b<" in line else line for line in ex.BY_NAT]
        self.expect("ec2:DeleteSubnet subnet private-b (echo-dev-private-b): DependencyViolation", *tagged, ex.ec2("DeleteSubnet", SubnetId="private-b"))
        self.expect("Tasks in subnet private-b (echo-dev-private-b) cannot reach", *tagged, ex.without_route("b"))

    def test_the_record_has_no_secret(self):
        call, _ = call_of(ex.WITH_SECRET)
        expected = {"action": "secretsmanager:CreateSecret", "given": {"Name": "echo-dev/keys/ci"}, "what_for": "apply/dev", "status": 200}
        self.assertEqual(call.record(), expected)

    def test_reading_calls_are_not_judged(self):
        self.assertIsNone(order.call_of(request_of(headers_of("ec2"), "POST", "/", "", b"Action=DescribeSubnets&Version=2016-11-15")))
        self.assertIsNone(order.call_of(request_of(headers_of("s3"), "GET", "/echo-state", "policy", b"")))

    def test_s3_has_actions_too(self):
        bucket, policy = (order.call_of(request_of(headers_of("s3"), "PUT", "/echo-state", query, b"")) for query in ("x-id=CreateBucket", "policy="))
        self.assertEqual((bucket.action, policy.action), ("s3:CreateBucket", "s3:PutBucketPolicy"))

    def test_the_provider_does_not_wait_for_the_code_of_an_answer(self):
        call, _ = call_of(ex.WITHOUT_VPC)
        status, _, body = order.wire.refusal(call, "DependencyViolation", "it is <in> use")
        error = "<Error><Code>Refused.DependencyViolation</Code><Message>it is &lt;in&gt; use</Message></Error>"
        self.assertEqual((status, body), (400, f"<Response><Errors>{error}</Errors></Response>"))


if __name__ == "__main__":
    unittest.main()
