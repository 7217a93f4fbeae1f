"""Replaces unhealthy tasks of services, as ECS's scheduler does.

A task is unhealthy if a target group says so, or if the health check of an essential container has failed its number of retries. The
scheduler ignores both during the grace period after the task's start. It starts the replacement first if the service's maximum allows that, and
stops the task when the replacement runs. Sources: "Amazon ECS service definition parameters" (healthCheckGracePeriodSeconds, maximumPercent),
and "Determine Amazon ECS task health using container health checks".
"""

import time
from concurrent.futures import ThreadPoolExecutor

import aws_metrics
import balancing
import health
import periods
from ministack.core.responses import new_uuid
from ministack.services import ecs

# By ARN: the times at which tasks were first seen to run, and the reasons to replace tasks.
_running_since, _reasons = {}, {}
# By container: the failed checks in a row, and the time of the next check.
_failures, _next_checks = {}, {}


def apply():
    reconcile = ecs._reconcile_service_tasks

    def reconciling(cluster, key):
        """A task that is being replaced stays beside its replacement, so the service has more tasks meanwhile."""
        service = ecs._services.get(key)
        more = len(_being_replaced(service)) if service else 0
        if not more:
            reconcile(cluster, key)
            return
        service["desiredCount"] += more
        try:
            reconcile(cluster, key)
        finally:
            service["desiredCount"] -= more

    ecs._reconcile_service_tasks = reconciling


def start():
    aws_metrics.for_ever(_watch)


def tell(service, message):
    """Adds an event to a service."""
    service["events"].insert(0, {"id": new_uuid(), "createdAt": ecs._iso(), "message": f"(service {service['serviceName']}) {message}"})


def _watch():
    services = [service for service in list(ecs._services.values()) if service["status"] == "ACTIVE"]
    running = {service["serviceArn"]: _tasks(service) for service in services}
    _check_containers([task for tasks in running.values() for task in tasks])
    for service in services:
        _replace(service, running[service["serviceArn"]])
    return time.time() + 1


def _tasks(service):
    """The running tasks of the newest deployment: a rollout replaces the others."""
    of_service = {"group": f"service:{service['serviceName']}", "clusterArn": service["clusterArn"]}
    tasks = [task for task in list(ecs._tasks.values()) if of_service.items() <= task.items() and task["lastStatus"] == "RUNNING" and task["_docker_ids"]]
    return [task for task in tasks if ecs._deployment_for_task(service, task) is ecs._primary_deployment(service)]


def _being_replaced(service):
    return [task for task in _tasks(service) if task["taskArn"] in _reasons]


def _replace(service, running):
    cluster, desired = ecs._cluster_name_from_arn(service["clusterArn"]), service["desiredCount"]
    room = desired * int((service.get("deploymentConfiguration") or {}).get("maximumPercent", 200)) // 100 - desired
    for task in running:
        if task["taskArn"] not in _reasons and len(_being_replaced(service)) < max(1, room) and (reason := _reason(service, task)):
            _reasons[task["taskArn"]] = reason
            tell(service, f"(task {task['taskArn'].rpartition('/')[2]}) {reason}")
            if not room:
                _stop(task)
            ecs._reconcile_service_tasks(cluster, f"{cluster}/{service['serviceName']}")
    old = _being_replaced(service)
    spare = len(_tasks(service)) - desired
    for task in old[: max(0, spare)]:
        _stop(task)


def _stop(task):
    ecs._mark_task_stopped(task["taskArn"], task, _reasons[task["taskArn"]], "ServiceSchedulerInitiated", exit_code=0)
    ecs._cleanup_task_resources(task, ecs._get_docker())


def _reason(service, task):
    """The reason to replace a task, in the words of ECS; None for a healthy task, and during the grace period."""
    since = _running_since.setdefault(task["taskArn"], time.monotonic())
    if time.monotonic() - since < periods.of(service.get("healthCheckGracePeriodSeconds") or 0):
        return None
    for balancer in service.get("loadBalancers") or []:
        group = balancer["targetGroupArn"]
        if problem := balancing.problem(group, ecs._task_ip(task), balancer["containerPort"]):
            return f"Task failed ELB health checks in (target-group {group}): {problem[1]}"
    if any(container.get("healthStatus") == "UNHEALTHY" for container in task["containers"]):
        return "Task failed container health checks"
    return None


def _check_containers(tasks):
    """Runs the due health checks of essential containers, each at its interval."""
    due = []
    for task in tasks:
        definitions = ecs._task_defs[ecs._resolve_td_key(task["taskDefinitionArn"])]["containerDefinitions"]
        for definition, container, identifier in zip(definitions, task["containers"], task["_docker_ids"], strict=False):
            check = health.check_of(definition)
            if check.get("command") and definition.get("essential", True) and time.monotonic() >= _next_checks.get(identifier, 0):
                _next_checks[identifier] = time.monotonic() + periods.of(check.get("interval", 30))
                due.append((container, identifier, check))
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda one: _check_container(*one), due))


def _check_container(container, identifier, check):
    failure = health.failed(ecs._get_docker().containers.get(identifier), check["command"])
    _failures[identifier] = _failures.get(identifier, 0) + 1 if failure else 0
    if not failure:
        container["healthStatus"] = "HEALTHY"
    elif _failures[identifier] >= check.get("retries", 3):
        container["healthStatus"] = "UNHEALTHY"
