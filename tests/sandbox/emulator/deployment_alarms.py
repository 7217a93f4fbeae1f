"""Rolls a deployment back when one of its alarms rings, as ECS does.

Source: "How CloudWatch alarms detect Amazon ECS deployment failures". An alarm that rings at the start of the deployment is ignored: the
deployment may be the repair. Left out: ECS watches the alarms for a further time after the last task has started, five minutes or more.
"""

import time

import aws_metrics
from ministack.services import cloudwatch, ecs
from replacements import tell

# All alarms that rang at the start of a deployment, by its id.
_ignored = {}


def apply():
    make = ecs._make_deployment

    def making(*args, **kwargs):
        deployment = make(*args, **kwargs)
        _ignored[deployment["id"]] = _ringing()
        return deployment

    ecs._make_deployment = making


def start():
    aws_metrics.for_ever(_watch)


def _watch():
    for service in list(ecs._services.values()):
        deployment = ecs._primary_deployment(service)
        settings = (service.get("deploymentConfiguration") or {}).get("alarms") or {}
        if service["status"] != "ACTIVE" or not deployment or deployment["rolloutState"] != "IN_PROGRESS" or not settings.get("enable"):
            continue
        # MiniStack's rollback puts the earlier deployment in progress again. No alarm stops that one.
        is_rollback = "rollback" in deployment["rolloutStateReason"]
        if not is_rollback and set(settings["alarmNames"]) & _ringing() - _ignored[deployment["id"]]:
            _roll_back(service, deployment)
    return time.time() + 1


def _ringing():
    return {name for name, alarm in list(cloudwatch._alarms.items()) if alarm["StateValue"] == "ALARM"}


def _roll_back(service, deployment):
    """Fails a deployment in the way of the circuit breaker, with the reason of the alarms."""
    limit = ecs._circuit_breaker_threshold(service)
    failed, deployment["failedTasks"] = deployment["failedTasks"], limit
    ecs._record_service_task_failure({"_deployment_id": deployment["id"], "group": f"service:{service['serviceName']}", "clusterArn": service["clusterArn"]})
    deployment |= {"failedTasks": failed, "rolloutStateReason": "ECS deployment failed: alarm detected."}
    service["events"] = [event for event in service["events"] if "circuit breaker was triggered" not in event["message"]]
    tell(service, "deployment failed: alarm detected.")
