"""CloudWatch's evaluation of an alarm on metrics, as far as these alarms use it ("Alarm evaluation").

An alarm sees its last periods only. CloudWatch looks back somewhat further where some of them have no data; an alarm that these
tests make ring does so without that.
"""

import math
import re
import statistics

from plan import metrics_of


def is_ringing(alarm, minutes):
    """Whether an alarm is in ALARM after these minutes: for each, the samples that each metric (by its id) has got."""
    metrics, expression = metrics_of(alarm), None
    for query in alarm["metric_query"] or []:
        expression = query["expression"] if query["return_data"] else expression
    period = next(iter(metrics.values()))["period"] // 60
    last = minutes[len(minutes) - period * alarm["evaluation_periods"] :]
    if len(last) < period * alarm["evaluation_periods"]:
        raise ValueError("less data than the alarm looks at")
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
    """One period's samples as one number, or None where there are none."""
    if not samples:
        return None
    if stat.startswith("p"):
        return sorted(samples)[math.ceil(float(stat[1:]) / 100 * len(samples)) - 1]
    return {"Sum": sum, "Average": statistics.fmean, "Maximum": max, "Minimum": min, "SampleCount": len}[stat](samples)


def compute(expression, values):
    """`SUM([a, b])`, `MAX([a, b])`, `IF(a >= 1, b, c)`, `a - b`. A metric without data is left out of SUM and MAX, and leaves the others
    without any."""
    if call := re.fullmatch(r"(SUM|MAX)\(\[([\w, ]+)\]\)", expression):
        known = [values[id] for id in call[2].split(", ") if values[id] is not None]
        return {"SUM": sum, "MAX": max}[call[1]](known) if known else None
    if call := re.fullmatch(r"IF\((\w+) >= (\d+), (\w+), (\w+)\)", expression):
        asked, chosen = values[call[1]], values[call[3 if (values[call[1]] or 0) >= int(call[2]) else 4]]
        return None if asked is None else chosen
    first, second = re.fullmatch(r"(\w+) - (\w+)", expression).groups()
    return None if None in (values[first], values[second]) else values[first] - values[second]


def breaches(alarm, value):
    if value is None:
        # Ignored is that an alarm stays as it is: these begin with being silent.
        return {"breaching": True, "notBreaching": False, "ignore": False}[alarm["treat_missing_data"]]
    return {"GreaterThanThreshold": value > alarm["threshold"], "LessThanThreshold": value < alarm["threshold"]}[
        alarm["comparison_operator"]
    ]
