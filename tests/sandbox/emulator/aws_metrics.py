"""Publishes AWS's own metrics of tasks, tables and logs for dashboard and alarms.

MiniStack stores metrics, but publishes none of these.
"""

import contextlib
import json
import logging
import os
import re
import threading
import time

import docker
import periods
from ministack.core.responses import request_scope
from ministack.services import cloudwatch, cloudwatch_logs, ecs

# CPU time of a task's containers in nanoseconds, and its time, by ARN.
_spent = {}


def publish(namespace, name, value, **dimensions):
    cloudwatch.record_metric(namespace, name, value, dimensions=dimensions)


def account():
    """The scope of the account, for work without a request to its API."""
    return request_scope(os.environ["MINISTACK_ACCOUNT_ID"], region())


def for_ever(work):
    """Repeats `work` in the background. `work` returns the time of its next run."""

    def again():
        with account():
            while True:
                at = time.time() + 10
                try:
                    at = work()
                except Exception:
                    # A container or service may end meanwhile.
                    logging.getLogger("sandbox").exception("it is tried again")
                time.sleep(max(0, at - time.time()))

    threading.Thread(target=again, daemon=True).start()


def region():
    return os.environ["MINISTACK_REGION"]


def apply():
    emit, matcher = ecs._emit_awslogs_event, cloudwatch_logs._compile_filter_pattern

    def emitting(config, message):
        emit(config, message)
        # CloudWatch adds 26 bytes to each event.
        publish("AWS/Logs", "IncomingBytes", len(message.encode()) + 26, LogGroupName=config["group"])
        for (group, _), metric_filter in list(cloudwatch_logs._metric_filters.items()):
            if group == config["group"] and cloudwatch_logs._compile_filter_pattern(metric_filter["filterPattern"])(message):
                for made in metric_filter["metricTransformations"]:
                    publish(made["metricNamespace"], made["metricName"], float(made["metricValue"]))

    def compiled(pattern):
        """Matches patterns of fields, `{ $.level = "ERROR" }`, also several by ||. For MiniStack every line matches."""
        wanted = re.findall(r'\$\.([\w.]+) = "([^"]*)"', pattern or "")
        if not wanted:
            return matcher(pattern)

        def fits(message):
            with contextlib.suppress(ValueError, AttributeError):
                line = json.loads(message)
                return any(line.get(field) == value for field, value in wanted)
            return False

        return fits

    ecs._emit_awslogs_event, cloudwatch_logs._compile_filter_pattern = emitting, compiled
    # Each query searches two weeks, which after a flood blocks everything for half a second.
    cloudwatch._evict_old_metrics = lambda: None


def start():
    for_ever(_report_tasks)


def _report_tasks():
    """Once a minute, as ECS does: the use of CPU and memory by each task, the number of tasks of each cluster with Container Insights, and the account's vCPU."""
    for task in list(ecs._tasks.values()):
        if task["lastStatus"] == "RUNNING" and task["_docker_ids"]:
            with contextlib.suppress(docker.errors.APIError):
                _report_task(task)
    for key, service in list(ecs._services.items()):
        # MiniStack keeps deleted services, without their cluster.
        cluster = ecs._clusters.get(key.partition("/")[0]) or {}
        insights = {setting["value"] for setting in cluster.get("settings", []) if setting["name"] == "containerInsights"}
        if service["status"] == "ACTIVE" and insights & {"enabled", "enhanced"}:
            of = {"ClusterName": cluster["clusterName"], "ServiceName": service["serviceName"]}
            publish("ECS/ContainerInsights", "DesiredTaskCount", service["desiredCount"], **of)
            publish("ECS/ContainerInsights", "RunningTaskCount", service["runningCount"], **of)
    running = [int(task["cpu"]) for task in list(ecs._tasks.values()) if task["lastStatus"] == "RUNNING" and task.get("capacityProviderName") != "FARGATE_SPOT"]
    publish("AWS/Usage", "ResourceCount", sum(running) / 1024, Service="Fargate", Type="Resource", Resource="vCPU", Class="Standard/OnDemand")
    return periods.next_end(60)


def _report_task(task):
    client = ecs._get_docker().api
    stats = [client.stats(container, stream=False, one_shot=True) for container in task["_docker_ids"]]
    cpu, now = sum(it["cpu_stats"]["cpu_usage"]["total_usage"] for it in stats), time.monotonic_ns()
    before, then = _spent.get(task["taskArn"], (0, now - 60 * 10**9))
    _spent[task["taskArn"]] = cpu, now
    of = {"ClusterName": ecs._cluster_name_from_arn(task["clusterArn"]), "ServiceName": task["group"].partition(":")[2]}
    # 1,024 units are one CPU.
    publish("AWS/ECS", "CPUUtilization", 100 * (cpu - before) / (now - then) / (int(task["cpu"]) / 1024), **of)
    publish("AWS/ECS", "MemoryUtilization", 100 * sum(it["memory_stats"]["usage"] for it in stats) / (int(task["memory"]) * 2**20), **of)


def of_table(headers, body, status, seconds):
    """Counts an answer of DynamoDB to a task."""
    operation, given = headers["x-amz-target"].partition(".")[2], json.loads(body)
    items = [what for item in given.get("TransactItems", []) for what in item.values()]
    table = given.get("TableName") or (items[0]["TableName"] if items else None)
    if not table:
        return
    if status >= 500:
        publish("AWS/DynamoDB", "SystemErrors", 1, TableName=table, Operation=operation)
        return
    publish("AWS/DynamoDB", "SuccessfulRequestLatency", 1000 * seconds, TableName=table, Operation=operation)
    # Counts items as small; in a transaction each counts twice.
    kind = "Write" if re.search("Write|Put|Update|Delete", operation) else "Read"
    publish("AWS/DynamoDB", f"Consumed{kind}CapacityUnits", 2 * len(items) or 1, TableName=table)
