"""Checks the targets of load balancers, sends requests to healthy targets, and counts the results.

MiniStack considers every target healthy, and counts nothing. This file publishes the metrics of AWS/ApplicationELB that dashboard and
alarms use.
"""

import random
import re
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from xml.sax.saxutils import escape

import access_logs
import aws_metrics
import periods
from ministack.core.responses import StreamingResponse
from ministack.services import alb

NAMESPACE = "AWS/ApplicationELB"


@dataclass
class Health:
    """The problem of a target, as (reason, description), and the number of contrary answers in a row."""

    problem: tuple | None = None
    contradicted: int = 0


# By target group and address. A target is registered with a healthy task, so it starts healthy.
_healths = {}


def apply():
    alb._forward_to_tg = _forward
    alb._ACTION_MAP["DescribeTargetHealth"] = _describe_target_health


def start():
    aws_metrics.for_ever(_check_all)


def problem_of(group, address, port):
    """The code and sentence of AWS for an unhealthy target. None for a healthy one."""
    port = port if group.get("HealthCheckPort", "traffic-port") == "traffic-port" else group["HealthCheckPort"]
    try:
        with urllib.request.urlopen(f"http://{address}:{port}{group['HealthCheckPath']}", timeout=group["HealthCheckTimeoutSeconds"]):
            return None
    except urllib.error.HTTPError as error:
        return "Target.ResponseCodeMismatch", f"Health checks failed with these codes: [{error.code}]"
    except OSError as error:
        if isinstance(getattr(error, "reason", error), TimeoutError):
            return "Target.Timeout", "Request timed out"
        return "Target.FailedHealthChecks", "Health checks failed"


def _check_all():
    """Checks each target of each group once, and returns the time of the next check."""
    asked = [(arn, target["Id"], target["Port"]) for arn in list(alb._tgs) for target in alb._targets.get(arn, [])]
    with ThreadPoolExecutor() as pool:
        problems = list(pool.map(lambda key: problem_of(alb._tgs[key[0]], *key[1:]), asked))
    for key in set(_healths) - set(asked):
        del _healths[key]
    for key, found in zip(asked, problems, strict=True):
        _note(_healths.setdefault(key, Health()), alb._tgs[key[0]], found)
    for arn in {key[0] for key in asked}:
        unhealthy = [_healths[key].problem is not None for key in asked if key[0] == arn]
        _publish(arn, "UnHealthyHostCount", sum(unhealthy))
        _publish(arn, "HealthyHostCount", len(unhealthy) - sum(unhealthy))
    return time.time() + periods.of(min((group["HealthCheckIntervalSeconds"] for group in alb._tgs.values()), default=10))


def _note(health, group, found):
    if (found is None) == (health.problem is None):
        health.problem, health.contradicted = found, 0
        return
    health.contradicted += 1
    if health.contradicted >= group["UnhealthyThresholdCount" if found else "HealthyThresholdCount"]:
        health.problem, health.contradicted = found, 0


def problem(arn, address, port):
    """The problem of a registered target. None for a healthy one."""
    return _healths.get((arn, address, port), Health()).problem


async def _forward(arn, method, path, headers, body, query, raw_query_string=None, raw_path=None):
    """Forwards to a healthy target, or to any target if none is healthy."""
    targets = alb._targets.get(arn, [])
    targets = [target for target in targets if problem(arn, target["Id"], target["Port"]) is None] or targets
    # MiniStack waits 60 s for each load balancer.
    alb.TARGET_IDLE_TIMEOUT = float(alb._lb_attr(_balancer(arn), "idle_timeout.timeout_seconds", "60"))
    target, started = random.choice(targets or [None]), time.time()
    if target is None:
        status, answer_headers, answer = 503, {}, b"no target is registered"
    else:
        _publish(arn, "RequestCount", 1)
        status, answer_headers, answer = await alb._proxy_http_target(
            target, alb._tgs[arn], method, raw_path or path, headers, body, query, raw_query_string
        )
    took = time.time() - started
    if isinstance(answer, StreamingResponse):
        _publish(arn, "TargetResponseTime", took)
        if status >= 500:
            _publish(arn, "HTTPCode_Target_5XX_Count", 1)
    else:
        # The load balancer's own answer: the target gave none.
        status = 504 if b"timed out" in answer else status
        names = [f"HTTPCode_ELB_{status}_Count"]
        # Otherwise the target closed an established connection, as a mock may on purpose.
        if re.search(rb"refused|No route to host", answer):
            names.append("TargetConnectionErrorCount")
        for name in names:
            aws_metrics.publish(NAMESPACE, name, 1, LoadBalancer=_name(_balancer(arn)))
    access_logs.note(_balancer(arn), arn, target, started, took, status, isinstance(answer, StreamingResponse), method, path, headers)
    return status, answer_headers, answer


def _balancer(arn):
    return (alb._tgs[arn].get("LoadBalancerArns") or [""])[0]


def _name(arn):
    """The name in dimensions of metrics."""
    return arn.partition("loadbalancer/")[2]


def _publish(arn, name, value):
    aws_metrics.publish(NAMESPACE, name, value, LoadBalancer=_name(_balancer(arn)), TargetGroup=arn.rpartition(":")[2])


def _describe_target_health(params):
    arn = alb._p(params, "TargetGroupArn")
    if arn not in alb._tgs:
        return alb._error("TargetGroupNotFound", f"Target group '{arn}' not found.")
    told = ""
    for target in alb._targets.get(arn, []):
        health = "<State>healthy</State>"
        if found := problem(arn, target["Id"], target["Port"]):
            reason, description = found
            health = f"<State>unhealthy</State><Reason>{reason}</Reason><Description>{escape(description)}</Description>"
        told += f"<member><Target><Id>{target['Id']}</Id><Port>{target['Port']}</Port></Target><TargetHealth>{health}</TargetHealth></member>"
    return alb._xml(200, "DescribeTargetHealth", f"<TargetHealthDescriptions>{told}</TargetHealthDescriptions>")
