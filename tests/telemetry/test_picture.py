"""The data of the sandbox's picture of the dashboard (tests/sandbox/pictures/dashboard.py), for each planned widget."""

import json
import os
import re
import sys
import tempfile
import unittest
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

from plan import Plan
from recorded import Recorded

sys.path.append(str(Path(__file__).resolve().parents[1] / "sandbox/pictures"))
import dashboard
import picture

PLAN, RECORDED = Plan(Path(os.environ["TELEMETRY_PLAN"])), Recorded(Path(os.environ["TELEMETRY_RECORD"]))
END = datetime.fromtimestamp(RECORDED.end / 1000, UTC)
LINES = [
    {"level": "WARN", "message": "first"},
    {"level": "ERROR", "message": "then", "span": {"trace_id": "0af7"}},
    {"level": "INFO", "message": "a WARN by its words only"},
]


class Aws:
    """Responds like CloudWatch: the newest values first, and lines selected by the pattern's fields."""

    def __init__(self):
        self.asked = []
        self.cloudwatch = SimpleNamespace(describe_alarms=self.describe_alarms, get_metric_data=self.get_metric_data)
        self.logs = SimpleNamespace(filter_log_events=self.filter_log_events)

    def describe_alarms(self, AlarmNames):
        return {"MetricAlarms": [{"AlarmName": name, "StateValue": "OK"} for name in AlarmNames if name != "echo-test-tasks-missing"]}

    def get_metric_data(self, MetricDataQueries, StartTime, EndTime):
        metrics = [query["MetricStat"]["Metric"] for query in MetricDataQueries]
        self.asked += [(it["Namespace"], it["MetricName"], frozenset(pair["Name"] for pair in it["Dimensions"])) for it in metrics]
        answer = {"Timestamps": [END, END - timedelta(minutes=1)], "Values": [2.0, 1.0]}
        return {"MetricDataResults": [{"Label": query["Label"], **answer} for query in MetricDataQueries]}

    def filter_log_events(self, logGroupName, filterPattern, startTime, endTime):
        (inside,) = re.fullmatch(r"\{ (.*) \}", filterPattern).groups()
        wanted = [re.fullmatch(r'\(\$\.(\w+) = "(\w+)"\)', part).groups() for part in inside.split(" || ")]
        found = [(at, line) for at, line in enumerate(LINES) if any(line.get(field) == value for field, value in wanted)]
        return {"events": [{"timestamp": endTime + at, "message": json.dumps(line), "logStreamName": "one"} for at, line in found]}


class Picture(unittest.TestCase):
    def setUp(self):
        self.aws = Aws()
        self.shown = list(dashboard.contents(self.aws, PLAN.widgets, "echo-test", RECORDED.series, END))

    def of_type(self, kind):
        return [(widget["properties"], shown) for widget, shown in zip(PLAN.widgets, self.shown, strict=True) if widget["type"] == kind]

    def test_each_query_has_curves_named_by_group_or_label(self):
        for chart, curves in self.of_type("chart"):
            for query in chart["data"]["queries"]:
                with self.subTest(chart["title"], query=query["id"]):
                    self.assertEqual(query["label"] in curves, " by (" not in query["query"])
            self.assertTrue(curves and all(points[-1][0] == END for points in curves.values()), curves)
        held = {chart["title"]: curves for chart, curves in self.of_type("chart")}["Mocks held by each replica"]
        self.assertEqual(list(held), ["damaged 01234567", "diverged 01234567", "endpoints 01234567"])

    def test_each_metric_of_aws_is_requested_and_its_values_are_in_order(self):
        named = {metric[1:] for metric in PLAN.metrics if metric[0] in {widget["title"] for widget, _ in self.of_type("metric")}}
        self.assertEqual(set(self.aws.asked), named)
        for widget, curves in self.of_type("metric"):
            self.assertEqual(list(curves), [metric[-1]["label"] for metric in widget["metrics"]])
            self.assertEqual({tuple(value for _, value in points) for points in curves.values()}, {(1.0, 2.0)})

    def test_each_alarm_has_a_state_or_is_marked_missing(self):
        ((_, states),) = self.of_type("alarm")
        self.assertEqual(set(states), set(PLAN.alarms) | set(PLAN.promql_alarms))
        self.assertEqual({name for name, state in states.items() if state != "OK"}, {"tasks-missing"})

    def test_lines_of_the_log_have_the_queried_levels_newest_first_with_nested_fields(self):
        ((_, (fields, rows)),) = self.of_type("log")
        self.assertEqual(fields, ["@timestamp", "level", "message", "error", "panic", "span.trace_id", "@logStream"])
        self.assertEqual([row[1:] for row in rows], [["ERROR", "then", "", "", "0af7", "one"], ["WARN", "first", "", "", "", "one"]])

    def test_the_picture_is_a_png(self):
        with tempfile.NamedTemporaryFile(suffix=".png") as file:
            picture.draw(zip(PLAN.widgets, self.shown, strict=True), "echo-test", END - dashboard.WINDOW, END, file.name)
            self.assertEqual(file.read(4), b"\x89PNG")


if __name__ == "__main__":
    unittest.main()
