"""The questions that AWS asks of a role's policies about recorded calls: an action, the ARN of a resource, and a context.

A call asks about each of its resources. It also asks about the actions behind it: the dependent actions of AWS's reference, and the actions in
BEHIND, from other pages of AWS.
"""

import functools
import re
from dataclasses import dataclass, field

import reference
from world import World, tags_of

# Parameters that pass a role on, and the receiving service.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
PASSED_TO = {
    "application-autoscaling:RegisterScalableTarget": "application-autoscaling.amazonaws.com",
    "ecs:RegisterTaskDefinition": "ecs-tasks.amazonaws.com",
    "ec2:CreateFlowLogs": "vpc-flow-logs.amazonaws.com",
}
# Additional actions of a call with tags, by service.
TAG = {
    "application-autoscaling": "TagResource",
    "cloudformation": "TagResource",
    "cloudwatch": "TagResource",
    "dynamodb": "TagResource",
    "ec2": "CreateTags",
    "ecs": "TagResource",
    "elasticloadbalancing": "AddTags",
    "iam": "TagRole",
    "logs": "TagResource",
    "s3": "TagResource",
    "secretsmanager": "TagResource",
    "sns": "TagResource",
    "wafv2": "TagResource",
}
# Calls that create a service-linked role, if the account lacks it.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html
OWN_ROLES = {
    "application-autoscaling:RegisterScalableTarget": "ecs.application-autoscaling.amazonaws.com",
    "ecs:CreateCluster": "ecs.amazonaws.com",
    "ecs:CreateService": "ecs.amazonaws.com",
    "elasticloadbalancing:CreateLoadBalancer": "elasticloadbalancing.amazonaws.com",
    "wafv2:PutLoggingConfiguration": "wafv2.amazonaws.com",
}
# Alarms of Application Auto Scaling: its own, and the empty name in the calls that test its caller's rights.
TRACKING, UNNAMED = "alarm:TargetTracking-{ResourceId}-AlarmHigh-unknown", "alarm:"
# Actions behind others that the reference omits, with their alarm. None: the resources of the call.
BEHIND = {
    # https://docs.aws.amazon.com/autoscaling/application/userguide/security_iam_id-based-policy-examples.html
    "application-autoscaling:RegisterScalableTarget": {"cloudwatch:PutMetricAlarm": UNNAMED, "cloudwatch:DeleteAlarms": UNNAMED},
    "application-autoscaling:PutScalingPolicy": {
        "cloudwatch:PutMetricAlarm": TRACKING,
        "cloudwatch:DescribeAlarms": TRACKING,
        "ecs:DescribeServices": None,
        "ecs:UpdateService": None,
    },
    "application-autoscaling:DeleteScalingPolicy": {"cloudwatch:DeleteAlarms": TRACKING},
    # https://docs.aws.amazon.com/waf/latest/developerguide/logging-cw-logs.html
    "wafv2:PutLoggingConfiguration": dict.fromkeys(["logs:CreateLogDelivery", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups"]),
    "wafv2:DeleteLoggingConfiguration": {"logs:DeleteLogDelivery": None},
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-authentication-access-control.html
    "elasticloadbalancing:CreateLoadBalancer": dict.fromkeys(
        ["ec2:DescribeInternetGateways", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"]
    ),
}
# The calls that CloudFormation makes with its caller's rights, by the type of a resource (its schema's `handlers`).
HANDLERS = {
    "AWS::CloudWatch::Alarm": {
        "CreateStack": ["cloudwatch:PutMetricAlarm", "cloudwatch:DescribeAlarms", "cloudwatch:TagResource"],
        "UpdateStack": ["cloudwatch:PutMetricAlarm", "cloudwatch:DescribeAlarms", "cloudwatch:TagResource"],
        "DeleteStack": ["cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms"],
    },
}
# Dependent actions that Echo's calls do not need, and why.
NOT_ASKED = {
    ("budgets:ViewBudget", "billing:"): "only a budget of another billing view asks for the view's data",
    ("cloudformation:DescribeStacks", "cloudformation:ListStacks"): "only a call that names no stack lists them all",
    ("ec2:CreateFlowLogs", "ecs:"): "only flow logs with fields of ECS ask for its lists",
}
# Kinds that the reference requires but a call may omit, with the reason.
NOT_NAMED = {("wafv2:GetWebACLForResource", "webacl"): "the call names a load balancer, which may have no firewall"}
# Every identity may make this call, without a right.
FREE = {"sts:GetCallerIdentity"}
# Writing actions on a resource of AWS that calls do not name.
OF_AWS_ALONE = {"route53:AssociateVPCWithHostedZone"}
# The reference has no resource for these actions, but AWS's refusals name the load balancer.
OF_BALANCERS = {"elasticloadbalancing:setwebacl"}
# The simulator knows these actions only for classic load balancers.
UNCHECKED = OF_BALANCERS | {"elasticloadbalancing:addtags", "elasticloadbalancing:removetags"}


@dataclass(frozen=True)
class Question:
    action: str
    resource: str
    context: tuple = ()
    # The policy of the resource itself: the policy of a KMS key has to allow its use.
    policy: str | None = None
    behind: str = field(default="", compare=False)

    def for_role(self, role):
        context = {key: list(value) if isinstance(value, tuple) else value for key, value in self.context}
        # The simulator needs a resource with a name.
        unchecked = self.action.lower() in UNCHECKED or self.resource.endswith(":alarm:")
        return {"role": role, "action": self.action, "resource": self.resource, "context": context, "policy": self.policy, "unchecked": unchecked}

    def __str__(self):
        told = ", ".join(f"{key} {value}" for key, value in self.context if key != "aws:RequestedRegion")
        return f"{self.action} on {self.resource}" + (f", which {self.behind} asks for" if self.behind else "") + (f" ({told})" if told else "")


class Unclear(Exception):
    """A call with an unknown resource."""


def of_calls(calls, what_for, account, region):
    """Each question of the calls for `apply/dev`, for example, once. Reads all calls, because others may have created the resources."""
    world, asked, unclear = World(account, region), {}, {}
    for call in calls:
        if call["for"] == what_for and call["action"] not in FREE:
            try:
                asked |= dict.fromkeys(of_call(call, world))
            except (Unclear, reference.Unknown) as error:
                unclear[str(error)] = None
        world.learn(call)
    if unclear:
        raise Unclear("\n".join(unclear))
    return list(asked)


def of_call(call, world):
    action = call["action"]
    given, made = world.given(call), world.made(call)
    arns = given + made
    ask = functools.partial(_questions, call=call, world=world, made=made)
    found = ask(action, arns)
    service = action.partition(":")[0]
    behind = dict.fromkeys(name for name in reference.dependent_actions(action) if _is_asked(action, name)) | BEHIND.get(action, {})
    tagging = f"{service}:{TAG.get(service)}"
    if action != tagging and service in TAG:
        # Tags of a creation are asked about the created resource.
        tagged = [arn for arn in made or arns if tags_of(call, arn) and reference.kind_of(arn, tagging)]
        found += [question for arn in tagged for question in ask(tagging, [arn], behind=action)]
    for name, alarm in behind.items():
        if name not in (tagging, "iam:PassRole", "iam:CreateServiceLinkedRole"):
            found += ask(name, [world.arn("cloudwatch", alarm.format(**call["given"]))] if alarm else arns, behind=action)
    roles = [arn for arn in given if ":role/" in arn and service != "iam"]
    if roles and action not in PASSED_TO and not reference.reads(action):
        raise Unclear(f"{action} passes {', '.join(roles)} on: PASSED_TO in rights/questions.py does not say to which service")
    if action in PASSED_TO:
        found += [question for arn in roles for question in ask("iam:PassRole", [arn], behind=action, more={"iam:PassedToService": PASSED_TO[action]})]
    owner = "ec2-nat-gateway.amazonaws.com" if call["given"].get("AvailabilityMode") == "regional" else OWN_ROLES.get(action)
    if owner:
        role = world.arn("iam", f"role/aws-service-role/{owner}/AWSServiceRoleForIt")
        found += ask("iam:CreateServiceLinkedRole", [role], behind=action, more={"iam:AWSServiceName": owner})
    return found + list(_of_stack(call, ask, world))


def _of_stack(call, ask, world):
    operation = call["action"].removeprefix("cloudformation:")
    template = call["given"].get("TemplateBody", "")
    if template:
        world.known["types", call["given"]["StackName"]] = re.findall(r"\"Type\": ?\"(AWS::\w+::\w+)\"", template), re.findall(r"\"AlarmName\": ?\"([^\"]+)\"", template)
    if operation not in ("CreateStack", "UpdateStack", "DeleteStack"):
        return
    name = call["given"]["StackName"].split("/")[1] if call["given"]["StackName"].startswith("arn:") else call["given"]["StackName"]
    types, alarms = world.known.get(("types", name), ([], []))
    if not types:
        raise Unclear(f"{call['action']} {name}: the template of the stack names no type")
    for kind in types:
        if kind not in HANDLERS:
            raise Unclear(f"{call['action']}: HANDLERS in rights/questions.py does not say what CloudFormation calls for {kind}")
        for action in HANDLERS[kind][operation]:
            yield from ask(action, [world.arn("cloudwatch", f"alarm:{alarm}") for alarm in alarms], behind=call["action"])


def _is_asked(action, dependent):
    """Whether a dependent action applies: the reference lists the actions of all kinds of resources together."""
    if any(action == asking and dependent.startswith(prefix) for asking, prefix in NOT_ASKED):
        return False
    service = dependent.partition(":")[0]
    if not action.startswith("wafv2:"):
        return True
    # One question for the load balancer. Applications of Amplify, pools of Cognito and the like are absent.
    return service == "elasticloadbalancing" or dependent == "wafv2:GetWebACL" or service in ("iam", "logs")


def _questions(action, arns, call, world, made, behind="", more=None):
    """The questions of an action: each resource of its kinds, or all resources if it has no kind."""
    kinds = {kind: described["required"] for kind, described in reference.resource_types(action).items()}
    about = {arn: kind for arn in arns if (kind := reference.kind_of(arn, action))}
    # `listener/app` and `listener/net` are alternatives: one is present.
    absent = {kind.partition("/")[0] for kind, required in kinds.items() if required} - {kind.partition("/")[0] for kind in about.values()}
    absent -= {kind for named, kind in NOT_NAMED if named == action}
    if absent:
        raise Unclear(f"{call['action']} {call['given']}: rights/world.py does not find the {' or '.join(sorted(absent))} that {action} is about")
    if action.lower() in OF_BALANCERS:
        about = {arn: "" for arn in arns if ":loadbalancer/" in arn}
    if kinds and not about and not reference.reads(action) and action not in OF_AWS_ALONE:
        raise Unclear(f"{call['action']} {call['given']}: rights/world.py finds nothing that {action} could be about")
    is_made = lambda arn: arn in made and arn not in world.tags
    return [Question(action, arn, _context(action, arn, call, world, is_made(arn), more), world.policies.get(arn), behind) for arn in about or ["*"]]


def _context(action, arn, call, world, is_made, more):
    given, service = call["given"], action.partition(":")[0]
    context = {"aws:RequestedRegion": world.region}
    if arn == "*" or is_made or service != "ec2" or action == "ec2:CreateTags":
        tags = tags_of(call, arn)
        context |= {f"aws:RequestTag/{key}": value for key, value in tags.items()}
        if tags:
            context["aws:TagKeys"] = tuple(sorted(tags))
    if not is_made:
        context |= {f"aws:ResourceTag/{key}": value for key, value in world.tags.get(arn, {}).items()}
    if service == "ec2" and "ec2:Vpc" in reference.keys_of(action, arn):
        context["ec2:Vpc"] = vpc = world.vpc_of(arn, call)
        if not vpc:
            raise Unclear(f"{call['action']} {given}: rights/world.py does not find the VPC of {arn}")
    if service == "application-autoscaling" and "ServiceNamespace" in given:
        context["application-autoscaling:service-namespace"] = given["ServiceNamespace"]
    if action == "ec2:CreateTags" and call["action"] != action:
        context["ec2:CreateAction"] = call["action"].partition(":")[2]
    if service == "iam" and (boundary := given.get("PermissionsBoundary") or world.boundaries.get(given.get("RoleName"))):
        context["iam:PermissionsBoundary"] = boundary
    return tuple(sorted((context | (more or {})).items()))
