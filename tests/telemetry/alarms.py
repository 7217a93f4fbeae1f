"""CloudWatch's evaluation of these kinds of metric alarms ("Alarm evaluation" in its documentation).

An alarm considers only its last periods. CloudWatch looks back further if periods have no data; the ringing alarms of
these tests do not need that.
"""

import math
import re
import statistics

from plan import metrics_of

# AWS's default quota of vCPU on Fargate.
VCPU_QUOTA = 6


def is_ringing(alarm, minutes):
    """True if the alarm is in ALARM after these minutes. Each minute has the samples of each metric, by id."""
    metrics, expression = metrics_of(alarm), None
    for query in alarm["metric_query"] or []:
        expression = query["expression"] if query["return_data"] else expression
    period = next(iter(metrics.values()))["period"] // 60
    last = minutes[len(minutes) - period * alarm["evaluation_periods"] :]
    if len(last) < period * alarm["evaluation_periods"]:
        raise ValueError("less data than the alarm evaluates")
    breaching = 0
    for start in range(0, len(last), period):
        values = {}
        for id, metric in metrics.items():
            samples = [sample for minute in last[start : start + period] for sample in minute.get(id, [])]
            values[id] = aggregate(metric.get("stat") or metric["statistic"], samples)
        result = compute(expression, values) if expression else values["result"]
        breaching += breaches(alarm, result)
    return breaching >= alarm["datapoints_to_alarm"]


def aggregate(stat, samples):
    """The statistic of one period's samples, or None without samples."""
    if not samples:
        return None
    if stat.startswith("p"):
        return sorted(samples)[math.ceil(float(stat[1:]) / 100 * len(samples)) - 1]
    return {"Sum": sum, "Average": statistics.fmean, "Maximum": max, "Minimum": min, "SampleCount": len}[stat](samples)


def compute(expression, values):
    """Computes `SUM([a, b])`, `MAX([a, b])`, `IF(a >= 1, b, c)`, `a - b` or `a - SERVICE_QUOTA(a) * 80 / 100`. SUM and MAX
    skip a metric without data; the other expressions then have no result."""
    if call := re.fullmatch(r"(SUM|MAX)\(\[([\w, ]+)\]\)", expression):
        known = [values[id] for id in call[2].split(", ") if values[id] is not None]
        return {"SUM": sum, "MAX": max}[call[1]](known) if known else None
    if call := re.fullmatch(r"IF\((\w+) >= (\d+), (\w+), (\w+)\)", expression):
        asked, chosen = values[call[1]], values[call[3 if (values[call[1]] or 0) >= int(call[2]) else 4]]
        return None if asked is None else chosen
    if call := re.fullmatch(r"(\w+) - SERVICE_QUOTA\(\1\) \* ([\d.]+) / 100", expression):
        used = values[call[1]]
        return None if used is None else used - VCPU_QUOTA * float(call[2]) / 100
    first, second = re.fullmatch(r"(\w+) - (\w+)", expression).groups()
    return None if None in (values[first], values[second]) else values[first] - values[second]


def breaches(alarm, value):
    if value is None:
        # "ignore" keeps the alarm's state, and the alarms of these tests start silent.
        return {"breaching": True, "notBreaching": False, "ignore": False}[alarm["treat_missing_data"]]
    return {"GreaterThanThreshold": value > alarm["threshold"], "LessThanThreshold": value < alarm["threshold"]}[
        alarm["comparison_operator"]
    ]
