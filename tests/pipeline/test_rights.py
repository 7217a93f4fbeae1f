"""Calls that tests/sandbox/proofs/rights evaluates, and its findings in incomplete policies. Run by `scripts/test pipeline`."""

import copy
import sys
import unittest
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "sandbox/proofs/rights"))

import judge
import statements
import unused

ACCOUNT, REGION = "000000000000", "eu-central-1"
ROLE, FOR = "echo-apply-dev", "apply/dev"
EC2 = f"arn:aws:ec2:{REGION}:{ACCOUNT}"
BALANCER = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/app/echo-dev/1"
FIREWALL = f"arn:aws:wafv2:{REGION}:{ACCOUNT}:regional/webacl/echo-dev/1"
ROLES = f"arn:aws:iam::{ACCOUNT}:role/echo-dev-"
TAGS = {"StringEquals": {"aws:RequestTag/Environment": ["dev"]}}
TAGGED = {"StringEquals": {"aws:ResourceTag/Environment": ["dev"]}}


def call(action, given, made=()):
    return {"for": FOR, "action": action, "given": given, "made": list(made), "status": 200}


def tag(kind, number=1):
    specification = f"TagSpecification.{number}"
    return {f"{specification}.ResourceType": kind, f"{specification}.Tag.1.Key": "Environment", f"{specification}.Tag.1.Value": "dev"}


# As Terraform's provider makes them.
CALLS = [
    call("ec2:CreateVpc", {"CidrBlock": "10.0.0.0/16", **tag("vpc")}, ["vpc-00000001"]),
    call("ec2:CreateSubnet", {"VpcId": "vpc-00000001", "CidrBlock": "10.0.0.0/24", **tag("subnet")}, ["subnet-00000001"]),
    call("ec2:DescribeSubnets", {"SubnetId.1": "subnet-00000001"}),
    call("wafv2:AssociateWebACL", {"WebACLArn": FIREWALL, "ResourceArn": BALANCER}),
    call("secretsmanager:CreateSecret", {"Name": "echo-dev/keys/ci"}, [f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:echo-dev/keys/ci-AbCdEf"]),
    call("ecs:RegisterTaskDefinition", {"family": "echo-dev-echo", "taskRoleArn": f"{ROLES}task"}, [f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/echo-dev-echo:1"]),
]


def statement(sid, actions, resources, condition=None):
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources} | ({"Condition": condition} if condition else {})


# As modules/github-oidc says it.
POLICY = {"Version": "2012-10-17", "Statement": [
    statement("MakeNetwork", ["ec2:CreateVpc", "ec2:CreateSubnet"], [f"{EC2}:vpc/*", f"{EC2}:subnet/*"], TAGS),
    statement("MakeInNetwork", ["ec2:CreateSubnet"], [f"{EC2}:*"], TAGGED),
    statement("TagWhatIsMade", ["ec2:CreateTags"], [f"{EC2}:*"], {"Null": {"ec2:CreateAction": ["false"]}} | TAGS),
    statement("Read", ["ec2:Describe*"], ["*"]),
    statement("LoadBalancer", ["elasticloadbalancing:CreateWebACLAssociation", "elasticloadbalancing:SetWebACL"], [BALANCER]),
    statement("Firewall", ["wafv2:AssociateWebACL"], [BALANCER, FIREWALL]),
    statement("Keys", ["secretsmanager:CreateSecret"], [f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:echo-dev/*"]),
    statement("Service", ["ecs:RegisterTaskDefinition"], [f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/echo-dev-*"]),
    statement("PassRoles", ["iam:PassRole"], [f"{ROLES}*"], {"StringEquals": {"iam:PassedToService": ["ecs-tasks.amazonaws.com"]}}),
]}


class Rights(unittest.TestCase):
    def setUp(self):
        self.policy = copy.deepcopy(POLICY)

    def statement(self, sid):
        return next(statement for statement in self.policy["Statement"] if statement["Sid"] == sid)

    def found(self, calls=CALLS, boundary=None, questions=()):
        role = {"arn": f"arn:aws:iam::{ACCOUNT}:role/github/{ROLE}", "policies": {"apply": self.policy}, "boundary": boundary}
        case = {"account": ACCOUNT, "region": REGION, "roles": {ROLE: role}, "for": {FOR: ROLE}, "questions": list(questions)}
        return judge.judge(case, calls)

    def expect_denied(self, *parts, **given):
        denied = self.found(**given)["denied"]
        self.assertEqual(len(denied), 1, denied)
        for part in parts:
            self.assertIn(part, denied[0])

    def test_the_role_may_do_all_and_has_nothing_that_it_does_not_use(self):
        found = self.found()
        self.assertEqual(found["denied"], [])
        self.assertEqual(found["rights"], found["used"])

    def test_an_action_that_is_removed(self):
        self.statement("MakeNetwork")["Action"].remove("ec2:CreateSubnet")
        self.expect_denied("ec2:CreateSubnet on", "subnet/subnet-00000001", "no statement allows it")

    def test_a_resource_that_is_too_narrow(self):
        self.statement("Keys")["Resource"] = [f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:echo-dev/keys/admin-*"]
        self.expect_denied("secretsmanager:CreateSecret on", "secret:echo-dev/keys/ci-AbCdEf")

    def test_a_dependent_action_that_is_missing(self):
        self.statement("LoadBalancer")["Action"].remove("elasticloadbalancing:CreateWebACLAssociation")
        self.expect_denied("elasticloadbalancing:CreateWebACLAssociation on", BALANCER, "which wafv2:AssociateWebACL asks for")

    def test_tags_that_a_creation_gives_are_asked_about(self):
        self.policy["Statement"].remove(self.statement("TagWhatIsMade"))
        denied = self.found()["denied"]
        self.assertEqual([line.split(" on ")[0] for line in denied], [f"{ROLE} may not ec2:CreateTags"] * 2)

    def test_a_role_that_is_passed_on_to_another_service(self):
        self.statement("PassRoles")["Condition"]["StringEquals"]["iam:PassedToService"] = ["vpc-flow-logs.amazonaws.com"]
        self.expect_denied("iam:PassRole on", "role/echo-dev-task", "which ecs:RegisterTaskDefinition asks for")

    def test_a_role_that_is_passed_on_to_an_unknown_service(self):
        with self.assertRaisesRegex(Exception, "PASSED_TO"):
            self.found(calls=[call("ecs:UpdateService", {"service": f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/echo-dev/echo", "role": f"{ROLES}task"})])

    def test_a_resource_of_another_environment(self):
        there = call("ec2:CreateVpc", {"CidrBlock": "10.1.0.0/16", **tag("vpc")}, ["vpc-00000002"])
        there["for"], there["given"]["TagSpecification.1.Tag.1.Value"] = "apply/prod", "prod"
        self.expect_denied("vpc/vpc-00000002", calls=[there, call("ec2:CreateSubnet", {"VpcId": "vpc-00000002", **tag("subnet")}, ["subnet-00000002"])])

    def test_a_group_without_tags_is_known_by_its_vpc(self):
        calls = [CALLS[0], call("ec2:DescribeSecurityGroups", {"Filter.1.Value.1": "default", "Filter.2.Value.1": "vpc-00000001"}, ["sg-00000001"])]
        calls += [call("ec2:RevokeSecurityGroupEgress", {"GroupId": "sg-00000001", "SecurityGroupRuleId.1": "sgr-00000001"})]
        # As modules/github-oidc says it with `vpc_arn`.
        self.policy["Statement"].append(statement("Own", ["ec2:RevokeSecurityGroupEgress"], [f"{EC2}:security-group/*"], {"ArnEquals": {"ec2:Vpc": [f"{EC2}:vpc/vpc-00000001"]}}))
        self.assertEqual(self.found(calls)["denied"], [])
        self.statement("Own")["Condition"]["ArnEquals"]["ec2:Vpc"] = [f"{EC2}:vpc/vpc-00000002"]
        self.expect_denied("ec2:RevokeSecurityGroupEgress on", "security-group/sg-00000001", "ec2:Vpc", "vpc/vpc-00000001", calls=calls)

    def test_a_group_of_an_unknown_vpc(self):
        with self.assertRaisesRegex(Exception, "does not find the VPC"):
            self.found(calls=[call("ec2:RevokeSecurityGroupEgress", {"GroupId": "sg-00000001"})])

    def test_a_statement_that_denies(self):
        self.policy["Statement"].append({"Sid": "Guard", "Effect": "Deny", "Action": ["*"], "Resource": ["*"], "Condition": {"StringLike": {"aws:ResourceTag/Environment": ["d*"]}}})
        self.expect_denied("ec2:CreateSubnet", "vpc/vpc-00000001", "the statement Guard denies it", calls=CALLS[:2])

    def test_a_boundary_that_is_narrower(self):
        within = {"Version": "2012-10-17", "Statement": [statement("Most", ["ec2:*", "wafv2:*", "elasticloadbalancing:*", "secretsmanager:*", "ecs:*"], ["*"])]}
        self.expect_denied("iam:PassRole", "the boundary does not allow it", boundary=within)

    def test_a_call_whose_resource_is_not_found(self):
        with self.assertRaisesRegex(Exception, "does not find the .*subnet"):
            self.found(calls=[call("ec2:DeleteSubnet", {})])


class Statements(unittest.TestCase):
    def faults(self, *arguments):
        return statements.faults({"Statement": [statement("One", *arguments)]})

    def test_what_the_role_may_do_is_known(self):
        self.assertEqual(statements.faults(POLICY), [])

    def test_an_action_that_is_not_there(self):
        self.assertEqual(self.faults(["ec2:MakeSubnet"], ["*"]), ["One: AWS has no action ec2:MakeSubnet"])

    def test_a_resource_of_another_kind(self):
        found = self.faults(["ecs:UpdateCluster"], [f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/echo-dev/echo"])
        self.assertIn("One: ecs:UpdateCluster is about none of the resources", found)

    def test_an_action_that_knows_no_resource(self):
        found = self.faults(["logs:DescribeLogGroups"], [f"arn:aws:sns:{REGION}:{ACCOUNT}:echo"])
        self.assertIn("One: logs:DescribeLogGroups is about none of the resources", found[0])

    def test_a_condition_key_that_the_action_does_not_know(self):
        found = self.faults(["secretsmanager:GetRandomPassword"], ["*"], TAGS)
        self.assertEqual(found, ["One: secretsmanager:GetRandomPassword does not know the condition key aws:RequestTag/Environment"])


class Unused(unittest.TestCase):
    FOUND = [{"rights": ["a", "b"], "used": ["a"]}, {"rights": ["a", "c"], "used": ["c"]}]

    def test_a_right_is_used_kept_or_told(self):
        self.assertEqual(unused.compare(self.FOUND, [{"rights": ["b"], "why": "by hand"}]), [])
        self.assertIn("b: no call uses it", unused.compare(self.FOUND, [])[0])
        self.assertIn("c: kept.json says", unused.compare(self.FOUND, [{"rights": ["b", "c"], "why": ""}])[0])
        self.assertIn("d: kept.json has it", unused.compare(self.FOUND, [{"rights": ["b", "d"], "why": ""}])[0])

    def test_a_right_for_the_night_is_used_at_night(self):
        kept = [{"rights": ["b"], "why": "the long form alone", "night": True}]
        self.assertEqual(unused.compare(self.FOUND, kept), [])
        self.assertEqual(unused.compare([{"rights": ["a", "b"], "used": ["b"]}], kept, night=True), [])
        self.assertIn("b: kept.json says that changes at night use it", unused.compare(self.FOUND, kept, night=True)[0])
        self.assertIn("c: kept.json says that no call uses it", unused.compare(self.FOUND, [*kept, {"rights": ["c"], "why": ""}], night=True)[0])


if __name__ == "__main__":
    unittest.main()
