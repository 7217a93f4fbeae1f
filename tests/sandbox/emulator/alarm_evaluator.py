"""Evaluates each alarm every minute as CloudWatch does, on the metrics of the emulated CloudWatch.

tests/telemetry/alarms.py has the evaluation and its tests. Prometheus's engine answers alarms on PromQL from the tasks' telemetry.
"""

import os
import time
from collections import defaultdict

import alarms
import dropped_arguments
import recorded
import telemetry
import aws_metrics
from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch
from ministack.services.cloudformation import provisioners
from plan import metrics_of

# The start of the current answer of each alarm on PromQL, or of its absence, by name.
_since = {}


def apply():
    # MiniStack's evaluation ignores expressions and dimensions.
    cloudwatch._evaluate_alarm = lambda alarm: None
    # The provider lacks a resource for alarms on PromQL, so CloudFormation makes them.
    provisioners._RESOURCE_HANDLERS["AWS::CloudWatch::Alarm"] |= {
        "create": lambda logical_id, properties, stack_name: _put_promql(properties),
        "update": lambda physical_id, old, new, *_, **__: _put_promql(new),
    }


def start():
    # Without tasks nothing publishes the metrics of alarms, and changes.py gives alarms values that the evaluation does
    # not know.
    if not os.environ.get("SANDBOX_WITHOUT_TASKS"):
        aws_metrics.for_ever(_evaluate_all)


def _put_promql(properties):
    name = properties["AlarmName"]
    arn = f"arn:aws:cloudwatch:{get_region()}:{get_account_id()}:alarm:{name}"
    state = {"StateValue": "INSUFFICIENT_DATA", "StateReason": "Unchecked: Initial alarm creation", "StateUpdatedTimestamp": int(time.time())}
    # First, because _evaluate_all looks up each alarm there.
    dropped_arguments.alarms[name] = properties
    cloudwatch._alarms[name] = state | properties | {"AlarmArn": arn, "InsufficientDataActions": [], "Dimensions": []}
    return name, {"Arn": arn}


def _evaluate_all():
    now = time.time()
    criteria = {name: dropped_arguments.alarms[name].get("EvaluationCriteria", {}).get("PromQLCriteria") for name in cloudwatch._alarms}
    queries = {name: {"query": it["Query"], "at": int(now * 1000)} for name, it in criteria.items() if it}
    # Without a last line that is being written.
    requests = telemetry.REQUESTS.read_text().rpartition("\n")[0].splitlines() if telemetry.REQUESTS.exists() else []
    answers = recorded.answers(queries, recorded.series_of(map(recorded.Request, requests)))
    for name, it in criteria.items():
        rings = _has_waited(name, it, bool(answers[name]), now) if it else _is_above(dropped_arguments.alarms[name], now)
        state = "ALARM" if rings else "OK"
        # Meanwhile the alarm may be deleted.
        if state != cloudwatch._alarms.get(name, {}).get("StateValue", state):
            reason = "by the sandbox, from the last periods"
            cloudwatch._set_alarm_state({}, {"AlarmName": name, "StateValue": state, "StateReason": reason}, False, True)
    # Metrics of a minute arrive a little later.
    return (time.time() // 60 + 1) * 60 + 5


def _is_above(given, now):
    alarm = planned(given)
    metrics = metrics_of(alarm)
    count = next(iter(metrics.values()))["period"] // 60 * alarm["evaluation_periods"]
    minutes = [defaultdict(list) for _ in range(count)]
    for id, metric in metrics.items():
        key = metric["namespace"], metric["metric_name"], cloudwatch._dims_key(metric["dimensions"])
        for point in list(cloudwatch._metrics.get(key) or []):
            at = int(point["Timestamp"] // 60) - int(now // 60) + count
            if 0 <= at < count:
                minutes[at][id].append(point["Value"])
    return alarms.is_ringing(alarm, minutes)


def planned(given):
    """An alarm in the form of a Terraform plan, from the arguments of its creation."""
    alarm = {
        "metric_name": given.get("MetricName"),
        "evaluation_periods": given["EvaluationPeriods"],
        "datapoints_to_alarm": given.get("DatapointsToAlarm") or given["EvaluationPeriods"],
        "threshold": given["Threshold"],
        "comparison_operator": given["ComparisonOperator"],
        "treat_missing_data": given["TreatMissingData"],
    }
    if alarm["metric_name"]:
        return alarm | _metric(given, given) | {"statistic": given["Statistic"], "metric_query": []}
    queries = [
        {
            "id": query["Id"],
            "expression": query.get("Expression"),
            "return_data": query.get("ReturnData", True),
            "metric": [_metric(query["MetricStat"]["Metric"], query["MetricStat"])] if "MetricStat" in query else [],
        }
        for query in given["Metrics"]
    ]
    return alarm | {"metric_query": queries}


def _metric(metric, stat):
    return {
        "namespace": metric["Namespace"],
        "metric_name": metric["MetricName"],
        "dimensions": cloudwatch._dims_from_list(metric.get("Dimensions") or []),
        "period": stat["Period"],
        "stat": stat.get("Stat"),
    }


def _has_waited(name, criteria, is_answered, now):
    """Whether the alarm rings: an answer has lasted for its waiting time. A ringing alarm ends after as long without an answer."""
    was, since = _since.get(name, (None, now))
    if is_answered != was:
        since = now
        _since[name] = is_answered, since
    rings = cloudwatch._alarms.get(name, {}).get("StateValue") == "ALARM"
    waited = now - since >= float(criteria["RecoveryPeriod" if rings else "PendingPeriod"])
    return is_answered if waited else rings
