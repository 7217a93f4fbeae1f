"""The dashboard of an environment in the sandbox, with its data: fetched here, drawn by picture.py.

Usage: dashboard.py API NAME STATE, prints the path of the picture. Needs tests/telemetry among Python's modules.

The data comes from the emulated AWS, except for the service's own metrics: the emulator does not answer PromQL, so Prometheus's engine
does, from the sent telemetry.
"""

import json
import re
import sys
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from functools import reduce
from pathlib import Path

# Clients of the emulated AWS.
sys.path.append(str(Path(__file__).resolve().parents[1] / "emulator"))

import picture
from aws import Aws
from recorded import Request, answers, series_of

WINDOW, STEP = timedelta(minutes=30), timedelta(minutes=1)


def body_of(aws, name):
    try:
        return json.loads(aws.cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"])
    except aws.cloudwatch.exceptions.ResourceNotFound:
        sys.exit(f"there is no dashboard {name} in the sandbox: scripts/sandbox up {name.removeprefix('echo-')}")


def words_of(markdown):
    """The heading and the body of a text, with links as plain text."""
    heading, *below = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", markdown).splitlines()
    return heading.removeprefix("# "), below


def alarm_states(aws, arns, name):
    """The state of each alarm, by its name without the environment."""
    names = [arn.rpartition(":")[2] for arn in arns]
    found = aws.cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"]
    states = {alarm["AlarmName"]: alarm["StateValue"] for alarm in found}
    return {it.removeprefix(f"{name}-"): states.get(it, "not there") for it in names}


def aws_curves(aws, widget, start, end):
    """The values of a widget's metrics in CloudWatch, by label."""
    queries = []
    for at, (namespace, metric, *dimensions, options) in enumerate(widget["metrics"]):
        pairs = [{"Name": key, "Value": value} for key, value in zip(dimensions[::2], dimensions[1::2], strict=True)]
        what = {"Metric": {"Namespace": namespace, "MetricName": metric, "Dimensions": pairs}, "Period": widget["period"], "Stat": options["stat"]}
        queries.append({"Id": f"m{at}", "Label": options["label"], "MetricStat": what})
    found = aws.cloudwatch.get_metric_data(MetricDataQueries=queries, StartTime=start, EndTime=end)["MetricDataResults"]
    return {it["Label"]: sorted(zip(it["Timestamps"], it["Values"], strict=True)) for it in found}


def sent(state):
    """The service's own metrics of all environments, as AWS would accept them. The last line may be incomplete."""
    file = state / "telemetry/requests"
    requests = (Request(line) for line in file.open() if line.endswith("\n")) if file.exists() else []
    return series_of(request for request in requests if request.path == "/v1/metrics" and not request.refusals)


def own_curves(charts, series, end):
    """The answers to the queries of each chart at each step of the window, by chart and label. All are asked at once."""
    times = [end - WINDOW + STEP * at for at in range(WINDOW // STEP + 1)]
    id_of = lambda number, query, time: f"{number}|{query['id']}|{milliseconds(time)}"
    queries = [(number, query) for number, chart in charts.items() for query in chart["data"]["queries"]]
    asked = {id_of(*it, time): {"query": it[1]["query"], "at": milliseconds(time)} for it in queries for time in times}
    answered = answers(asked, series)
    curves = defaultdict(dict)
    for number, query in queries:
        curves[number] |= by_label(query, [(time, sample) for time in times for sample in answered[id_of(number, query, time)]])
    return curves


def by_label(query, samples):
    curves = defaultdict(list)
    for time, sample in samples:
        # An empty histogram has no quantile.
        if sample["Value"] is not None:
            curves[label(query, sample["Labels"])].append((time, sample["Value"]))
    return curves or {query["label"]: []}


def label(query, labels):
    """The widget's label and the group of the query; a task by the beginning of its id."""
    return " ".join([query["label"], *(it.rpartition("/")[2][:8] if it.startswith("arn:") else it for it in labels.values())])


def log_rows(aws, query, start, end):
    """The fields of a log widget, and their values for each matching line, newest first. Without computed fields."""
    parts = dict(part.split(" ", 1) for part in query.split(" | "))
    fields = re.sub(r"\w+\(.*\) as \w+,? ?", "", parts["fields"]).split(", ")
    wanted = " || ".join(f'($.level = "{level}")' for level in re.findall(r"'(\w+)'", parts["filter"]))
    events = aws.logs.filter_log_events(
        logGroupName=parts["SOURCE"].strip("'"), filterPattern=f"{{ {wanted} }}", startTime=milliseconds(start), endTime=milliseconds(end)
    )["events"]
    found = sorted(((event, json.loads(event["message"])) for event in events), key=lambda it: it[0]["timestamp"], reverse=True)
    return fields, [[field_of(event, line, field) for field in fields] for event, line in found[: int(parts["limit"])]]


def milliseconds(time):
    return round(time.timestamp() * 1000)


def field_of(event, line, field):
    """The text of a field by its name in Logs Insights: of the event, or of the line, with dots for nested members."""
    match field:
        case "@timestamp":
            return f"{datetime.fromtimestamp(event['timestamp'] / 1000, UTC):%H:%M:%S.%f}"[:-3]
        case "@logStream":
            return event["logStreamName"]
    value = reduce(lambda at, key: at.get(key, "") if isinstance(at, dict) else "", field.split("."), line)
    return " ".join(value.split()) if isinstance(value, str) else json.dumps(value)


def contents(aws, widgets, name, series, end):
    """The content of each widget."""
    start = end - WINDOW
    charts = {number: widget["properties"] for number, widget in enumerate(widgets) if widget["type"] == "chart"}
    own = own_curves(charts, series, end)
    for number, widget in enumerate(widgets):
        properties = widget["properties"]
        match widget["type"]:
            case "text":
                yield words_of(properties["markdown"])
            case "alarm":
                yield alarm_states(aws, properties["alarms"], name)
            case "metric":
                # From a full minute on: a partial minute would look like a full one.
                yield aws_curves(aws, properties, start.replace(second=0) + STEP, end)
            case "chart":
                yield own[number]
            case "log":
                yield log_rows(aws, properties["query"], start, end)


def main():
    api, name, state = sys.argv[1:]
    aws, state, end = Aws(api), Path(state), datetime.now(UTC).replace(microsecond=0)
    widgets = body_of(aws, name)["widgets"]
    shown = list(contents(aws, widgets, name, sent(state), end))
    file = state / f"{name}.png"
    picture.draw(zip(widgets, shown, strict=True), f"{name} in the sandbox", end - WINDOW, end, file)
    print(file)


if __name__ == "__main__":
    main()
