"""tests/sandbox/proofs/watched_names.py finds faults of a dashboard and alarms; the sandbox applies it to the real ones."""

import os
import sys
import unittest
from pathlib import Path

from plan import Plan, metrics_of

sys.path += [str(Path(__file__).parents[1] / "sandbox" / folder) for folder in ("proofs", "emulator")]

import watched_names

PLAN = Plan(Path(os.environ["TELEMETRY_PLAN"]))
# Resources of infra/echo/tests/telemetry.tftest.hcl.
THERE = {
    ("LoadBalancer", "app/echo-test/50dc6c495c0c9188"),
    ("TargetGroup", "targetgroup/echo-test-management/943f017f100becff"),
    ("TargetGroup", "targetgroup/echo-test-mocks/73e2d6bc24d8a067"),
    ("ClusterName", "echo-test"),
    ("ServiceName", "echo"),
    ("TableName", "echo-test"),
    ("WebACL", "echo-test"),
    ("CertificateArn", "arn:aws:acm:eu-central-1:111122223333:certificate/1"),
    ("Region", "eu-central-1"),
    ("Rule", "ALL"),
    *(("LogGroupName", f"/echo/echo-test/{group}") for group in ("service", "collector", "flow-logs")),
    *watched_names.VCPU,
    ("Echo/echo-test", "ErrorLines"),
    ("service.name", "echo"),
    ("deployment.environment.name", "test"),
}
LOG, ARN = "/echo/echo-test/service", "arn:aws:cloudwatch:eu-central-1:111122223333:alarm:echo-test-"
ARNS = {f"{ARN}{slug}" for slug in PLAN.alarms | PLAN.promql_alarms}


def described(alarm):
    """A planned alarm in the format of DescribeAlarms."""
    pairs = lambda dimensions: [{"Name": name, "Value": value} for name, value in (dimensions or {}).items()]
    metrics = [
        {"Namespace": it["namespace"], "MetricName": it["metric_name"], "Dimensions": pairs(it["dimensions"])} for it in metrics_of(alarm).values()
    ]
    return metrics[0] if alarm["metric_name"] else {"Metrics": [*({"MetricStat": {"Metric": it}} for it in metrics), {"Expression": "…"}]}


ALARMS = {slug: described(alarm) for slug, alarm in PLAN.alarms.items()} | PLAN.promql_alarms
ALARMS = [alarm | {"AlarmName": slug, "AlarmActions": ["topic"], "OKActions": ["topic"]} for slug, alarm in ALARMS.items()]


class Watched(unittest.TestCase):
    def refuses(self, words, check, *arguments):
        with self.assertRaisesRegex(AssertionError, words):
            check(*arguments)

    def test_the_planned_dashboard_and_alarms_have_no_fault(self):
        watched_names.expect_dashboard(PLAN.widgets, THERE, LOG, ARNS)
        watched_names.expect_alarms(ALARMS, THERE, {"topic"})

    def test_a_wrong_name_on_the_dashboard_is_found(self):
        for pair in THERE:
            with self.subTest(pair):
                self.refuses("unknown names in", watched_names.expect_dashboard, PLAN.widgets, THERE - {pair}, LOG, ARNS)

    def test_a_gap_of_the_dashboard_is_found(self):
        self.refuses("without a widget on the dashboard", watched_names.expect_dashboard, PLAN.widgets, THERE | {("TableName", "another")}, LOG, ARNS)
        self.refuses("the logs", watched_names.expect_dashboard, PLAN.widgets, THERE, "/echo/echo-dev/service", ARNS)
        self.refuses("the alarms", watched_names.expect_dashboard, PLAN.widgets, THERE, LOG, ARNS | {f"{ARN}new"})
        self.refuses("the alarms", watched_names.expect_dashboard, PLAN.widgets, THERE, LOG, ARNS - {f"{ARN}error-lines"})

    def test_a_wrong_name_in_an_alarm_is_found(self):
        for pair in THERE - {("WebACL", "echo-test"), ("Region", "eu-central-1"), ("Rule", "ALL")}:
            with self.subTest(pair):
                self.refuses("unknown names in", watched_names.expect_alarms, ALARMS, THERE - {pair}, {"topic"})

    def test_an_alarm_without_a_metric_is_found(self):
        nothing = {"AlarmName": "nothing", "AlarmActions": ["topic"], "OKActions": ["topic"]}
        everything = {"EvaluationCriteria": {"PromQLCriteria": {"Query": '{"echo.endpoints"}'}}}
        for alarm in (nothing, nothing | {"Metrics": [{"Expression": "1"}]}, nothing | everything):
            with self.subTest(alarm):
                self.refuses("names something", watched_names.expect_alarms, [alarm], THERE, {"topic"})

    def test_an_alarm_with_a_wrong_topic_is_found(self):
        self.refuses("tells topics", watched_names.expect_alarms, ALARMS, THERE, {"another"})
        self.refuses("tells topics", watched_names.expect_alarms, [ALARMS[0] | {"OKActions": []}], THERE, {"topic"})


if __name__ == "__main__":
    unittest.main()
