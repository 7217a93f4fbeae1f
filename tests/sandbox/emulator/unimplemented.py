"""Answers calls of the environments that MiniStack lacks.

The calls keep and return their arguments, so that Terraform can create, read, change and delete. They have no other effect, and
README.md lists them as a limit of the proof.
"""

import json
import time
import uuid

import billing
from ministack.core.responses import get_account_id, get_region
from ministack.services import ec2
from ministack.services.cloudformation import provisioners

# The identifying fields of each kind.
TARGET = ("ServiceNamespace", "ResourceId", "ScalableDimension")
POLICY = ("PolicyName", *TARGET)
SCHEDULE = ("ScheduledActionName", *TARGET)


class Missing(Exception):
    """Not found. The text is AWS's."""


class Shelf:
    """Resources of one kind: the arguments of their calls, by their identifying fields."""

    def __init__(self, names):
        self.names = names
        self.things = {}

    def put(self, given, **always):
        key = tuple(given.get(name) for name in self.names)
        self.things[key] = self.things.get(key, always) | given
        return self.things[key]

    def find(self, **wanted):
        return [thing for thing in self.things.values() if all(thing.get(name) in values for name, values in wanted.items() if values)]

    def drop(self, given):
        if self.things.pop(tuple(given.get(name) for name in self.names), None) is None:
            raise Missing(f"nothing is named {' '.join(str(given.get(name)) for name in self.names)}")
        return {}


targets, policies, schedules = Shelf(TARGET), Shelf(POLICY), Shelf(SCHEDULE)
logging = Shelf(("ResourceArn",))
caches = Shelf(("ecrRepositoryPrefix",))
tags = {}


def arn(service, rest):
    return f"arn:aws:{service}:{get_region()}:{get_account_id()}:{rest}"


def one(given, name):
    return [given[name]] if given.get(name) else None


def target_fields(given):
    """The filters of Application Auto Scaling's describing calls."""
    return {
        "ServiceNamespace": one(given, "ServiceNamespace"),
        "ResourceId": given.get("ResourceIds") or one(given, "ResourceId"),
        "ScalableDimension": one(given, "ScalableDimension"),
    }


def register_target(given):
    tags_given = given.pop("Tags", None)
    target = targets.put(
        given,
        CreationTime=time.time(),
        RoleARN=f"arn:aws:iam::{get_account_id()}:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService",
        ScalableTargetARN=arn("application-autoscaling", f"scalable-target/{uuid.uuid4().hex[:24]}"),
        SuspendedState=dict.fromkeys(("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended"), False),
    )
    if tags_given:
        tags[target["ScalableTargetARN"]] = tags_given
    return {"ScalableTargetARN": target["ScalableTargetARN"]}


def deregister_target(given):
    """Deletes a target with its policies and schedules."""
    targets.drop(given)
    for shelf in (policies, schedules):
        for thing in shelf.find(**{name: [given[name]] for name in TARGET}):
            shelf.drop(thing)
    return {}


def put_policy(given):
    name = f"scalingPolicy:{uuid.uuid4()}:resource/ecs/{given['ResourceId']}:policyName/{given['PolicyName']}"
    policy = policies.put(given, CreationTime=time.time(), PolicyARN=arn("autoscaling", name), Alarms=[])
    return {"PolicyARN": policy["PolicyARN"], "Alarms": []}


def put_schedule(given):
    name = f"scheduledAction:{uuid.uuid4()}:resource/ecs/{given['ResourceId']}:scheduledActionName/{given['ScheduledActionName']}"
    schedules.put(given, CreationTime=time.time(), ScheduledActionARN=arn("autoscaling", name))
    return {}


def tag(given):
    tags.setdefault(given["ResourceARN"], {}).update(given["Tags"])
    return {}


def untag(given):
    for key in given["TagKeys"]:
        tags[given["ResourceARN"]].pop(key, None)
    return {}


def put_cache(given):
    return caches.put(given, createdAt=time.time(), registryId=get_account_id())


def describe_caches(given):
    found = caches.find(ecrRepositoryPrefix=given.get("ecrRepositoryPrefixes"))
    if given.get("ecrRepositoryPrefixes") and not found:
        raise Missing("there is no such pull through cache rule")
    return {"pullThroughCacheRules": found}


def delete_cache(given):
    rule = caches.find(ecrRepositoryPrefix=[given["ecrRepositoryPrefix"]])
    caches.drop(given)
    return rule[0]


def get_logging(given):
    found = logging.find(ResourceArn=[given["ResourceArn"]])
    if not found:
        raise Missing("this web ACL is not logged")
    return {"LoggingConfiguration": found[0]}


# Quotas of a new account, by service and code: vCPU on Fargate, vCPU on Fargate Spot, public addresses.
quotas = {("fargate", "L-3032A538"): 6.0, ("fargate", "L-36FBB829"): 6.0, ("ec2", "L-0263D0A3"): 5.0}
# The destination of traces, and the share of traces with a summary.
traces = {"Destination": "XRay", "Status": "ACTIVE"}


def get_quota(given):
    """The changed or default value."""
    key = given["ServiceCode"], given["QuotaCode"]
    if key not in quotas:
        raise Missing(f"the quota {key[1]} of {key[0]} is not known")
    return {"Quota": {"ServiceCode": key[0], "QuotaCode": key[1], "Value": quotas[key]}}


def request_quota(given):
    """Grants a request at once. AWS takes hours or days."""
    get_quota(given)
    quotas[given["ServiceCode"], given["QuotaCode"]] = given["DesiredValue"]
    return {"RequestedQuota": {"Id": uuid.uuid4().hex, "Status": "APPROVED", "DesiredValue": given["DesiredValue"]}}


def set_traces(destination):
    traces["Destination"] = destination
    return dict(traces)


SCALING = {
    "RegisterScalableTarget": register_target,
    "DescribeScalableTargets": lambda given: {"ScalableTargets": targets.find(**target_fields(given))},
    "DeregisterScalableTarget": deregister_target,
    "PutScalingPolicy": put_policy,
    "DescribeScalingPolicies": lambda given: {
        "ScalingPolicies": policies.find(PolicyName=given.get("PolicyNames"), **target_fields(given))
    },
    "DeleteScalingPolicy": policies.drop,
    "PutScheduledAction": put_schedule,
    "DescribeScheduledActions": lambda given: {
        "ScheduledActions": schedules.find(ScheduledActionName=given.get("ScheduledActionNames"), **target_fields(given))
    },
    "DeleteScheduledAction": schedules.drop,
    "ListTagsForResource": lambda given: {"Tags": tags.get(given["ResourceARN"], {})},
    "TagResource": tag,
    "UntagResource": untag,
}
REGISTRY = {
    "CreatePullThroughCacheRule": put_cache,
    "DescribePullThroughCacheRules": describe_caches,
    "DeletePullThroughCacheRule": delete_cache,
}
FIREWALL = {
    "PutLoggingConfiguration": lambda given: {"LoggingConfiguration": logging.put(given["LoggingConfiguration"])},
    "GetLoggingConfiguration": get_logging,
    "DeleteLoggingConfiguration": logging.drop,
}
QUOTAS = {
    "GetServiceQuota": get_quota,
    "GetAWSDefaultServiceQuota": get_quota,
    "RequestServiceQuotaIncrease": request_quota,
}
CALLS = {
    **{f"AnyScaleFrontendService.{name}": call for name, call in SCALING.items()},
    **{f"AmazonEC2ContainerRegistry_V20150921.{name}": call for name, call in REGISTRY.items()},
    **{f"AWSWAF_20190729.{name}": call for name, call in FIREWALL.items()},
    **billing.CALLS,
    **{f"ServiceQuotasV20190624.{name}": call for name, call in QUOTAS.items()},
    # X-Ray's calls have a path instead of a target.
    "/GetTraceSegmentDestination": lambda given: dict(traces),
    "/UpdateTraceSegmentDestination": lambda given: set_traces(given["Destination"]),
}
NOT_FOUND = {
    "AnyScaleFrontendService": "ObjectNotFoundException",
    "AmazonEC2ContainerRegistry_V20150921": "PullThroughCacheRuleNotFoundException",
    "AWSBudgetServiceGateway": "NotFoundException",
    "AWSWAF_20190729": "WAFNonexistentItemException",
    "ServiceQuotasV20190624": "NoSuchResourceException",
}


def answer(target, body):
    """The status and the document of the answer."""
    try:
        return 200, json.dumps(CALLS[target](json.loads(body or b"{}")))
    except (Missing, billing.Missing) as missing:
        kind = NOT_FOUND.get(target.partition(".")[0], "ResourceNotFoundException")
        return 400, json.dumps({"__type": kind, "message": str(missing)})


def apply():
    """Adds the search of traces to CloudFormation, for which the provider lacks a resource, and X-Ray to the list of endpoints."""
    ec2._VPCE_INTERFACE_SERVICES = [*ec2._VPCE_INTERFACE_SERVICES, "xray"]

    def create(logical_id, properties, stack_name):
        set_traces("CloudWatchLogs")
        return get_account_id(), {"AccountId": get_account_id()}

    def delete(physical_id, properties):
        set_traces("XRay")

    provisioners._RESOURCE_HANDLERS["AWS::XRay::TransactionSearchConfig"] = {"create": create, "delete": delete}
