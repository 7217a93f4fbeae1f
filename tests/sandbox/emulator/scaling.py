"""Application Auto Scaling of services: schedules move the bounds, and target tracking moves the number of tasks between them.

As in AWS's "How target tracking scaling works" and "Target tracking scaling policies": each policy scales out alone, and all have to agree to scale
in. Cooldowns delay the next step; a scale-out does not wait for a scale-in's. During a deployment nothing scales in. tracking.py has the periods.
"""

import math
import os
import statistics
import time
import uuid
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import aws_metrics
import fargate
import periods
import schedule
import tracking
import unimplemented
from ministack.services import cloudwatch, ecs

PERIOD = 60
_activities = []
# The time of the last step of a target, by its direction; and of the last evaluation of schedules.
_steps, _scheduled = {}, {"until": time.time()}


def apply():
    unimplemented.CALLS["AnyScaleFrontendService.DescribeScalingActivities"] = _describe_activities


def start():
    # Without tasks nothing publishes metrics, and changes.py expects the applied bounds at each time of the day.
    if not os.environ.get("SANDBOX_WITHOUT_TASKS"):
        aws_metrics.for_ever(_tick)


def _tick():
    now = time.time()
    _follow_schedules(_scheduled["until"], now)
    _scheduled["until"] = now
    for target in list(unimplemented.targets.things.values()):
        service = _service(target)
        if service and not _keep_bounds(target, service):
            _track(target, service, now)
    # A schedule has the precision of a minute, and a proof hurries the rest.
    return min(now + 5, periods.next_end(PERIOD, 0.1))


def _service(target):
    service = ecs._services.get(target["ResourceId"].removeprefix("service/"))
    return service if service and service["status"] == "ACTIVE" else None


def _follow_schedules(since, now):
    for action in list(unimplemented.schedules.things.values()):
        name = {key: action[key] for key in unimplemented.TARGET}
        zone = ZoneInfo(action.get("Timezone") or "UTC")
        target = unimplemented.targets.find(**{key: [value] for key, value in name.items()})
        since_then, until = (datetime.fromtimestamp(at, timezone.utc).astimezone(zone) for at in (max(since, action["CreationTime"]), now))
        if target and schedule.is_due(action["Schedule"], since_then, until):
            target[0].update(action["ScalableTargetAction"])
            if service := _service(target[0]):
                _keep_bounds(target[0], service, f"scheduled action name {action['ScheduledActionName']} was triggered")


def _keep_bounds(target, service, cause="minimum or maximum capacity was changed"):
    desired = service["desiredCount"]
    bounded = min(max(desired, target["MinCapacity"]), target["MaxCapacity"])
    return bounded != desired and _step(target, service, bounded, cause)


def _track(target, service, now):
    policies = unimplemented.policies.find(**{key: [target[key]] for key in unimplemented.TARGET})
    desired, proposals = service["desiredCount"], []
    for policy in policies:
        settings = policy["TargetTrackingScalingPolicyConfiguration"]
        proposals.append((policy, settings, tracking.proposal(desired, settings["TargetValue"], _values(service, settings, now))))
    counts = [count for *_, count in proposals]
    if not counts:
        return
    policy, settings, count = max(proposals, key=lambda one: desired if one[2] is None else one[2])
    last_out, last_in = (_steps.get((target["ResourceId"], direction), 0) for direction in ("out", "in"))
    if count is not None and count > desired:
        wait, last = settings.get("ScaleOutCooldown", 300), last_out
    elif None not in counts and max(counts) < desired and service["serviceArn"] not in fargate.services_in_rollout():
        wait, last = settings.get("ScaleInCooldown", 300), max(last_in, last_out)
    else:
        return
    count = min(max(count, target["MinCapacity"]), target["MaxCapacity"])
    if count != desired and now >= last + periods.of(wait):
        _steps[target["ResourceId"], "out" if count > desired else "in"] = now
        _step(target, service, count, f"monitor alarm of policy {policy['PolicyName']} triggered the policy")


def _values(service, settings, now):
    """The metric of a policy in the last periods."""
    metric, length = settings["PredefinedMetricSpecification"], periods.of(PERIOD)
    if metric["PredefinedMetricType"] == "ECSServiceAverageCPUUtilization":
        cluster = ecs._cluster_name_from_arn(service["clusterArn"])
        key = "AWS/ECS", "CPUUtilization", cloudwatch._dims_key({"ClusterName": cluster, "ServiceName": service["serviceName"]})
        samples = _samples(key, length, now)
        return [statistics.fmean(found) if found else None for found in samples]
    if metric["PredefinedMetricType"] == "ALBRequestCountPerTarget":
        balancer, _, group = metric["ResourceLabel"].partition("/targetgroup/")
        key = "AWS/ApplicationELB", "RequestCount", cloudwatch._dims_key({"LoadBalancer": balancer, "TargetGroup": f"targetgroup/{group}"})
        # AWS reports the number of requests always, also 0.
        return [sum(found) / max(1, service["runningCount"]) for found in _samples(key, length, now)]
    return []


def _samples(key, length, now):
    """The samples of each of the last full periods."""
    found, end = [[] for _ in range(tracking.IN)], now // length * length
    for point in list(cloudwatch._metrics.get(key) or [])[-100_000:]:
        place = tracking.IN - math.ceil((end - point["Timestamp"]) / length)
        if 0 <= place < tracking.IN:
            found[place].append(point["Value"])
    return found


def _step(target, service, count, cause):
    desired, at = service["desiredCount"], time.time()
    cluster = ecs._cluster_name_from_arn(service["clusterArn"])
    ecs._update_service({"cluster": cluster, "service": service["serviceName"], "desiredCount": count})
    told = {key: target[key] for key in unimplemented.TARGET}
    text = f"Successfully set desired count to {count}. Change successfully fulfilled by ecs."
    activity = {"ActivityId": str(uuid.uuid4()), "Description": f"Setting desired count to {count}.", "Cause": f"{cause}: from {desired} to {count}"}
    _activities.insert(0, told | activity | {"StartTime": at, "EndTime": at, "StatusCode": "Successful", "StatusMessage": text})
    return True


def _describe_activities(given):
    wanted = {key: given[key] for key in unimplemented.TARGET if given.get(key)}
    return {"ScalingActivities": [activity for activity in _activities if wanted.items() <= activity.items()]}
