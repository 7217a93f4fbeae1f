"""What tests/sandbox/watched.py finds wrong in dashboard and alarms: it is held against the applied ones in the sandbox."""

import os
import sys
import unittest
from pathlib import Path

from plan import Plan, metrics_of

sys.path.append(str(Path(__file__).parents[1] / "sandbox"))

import watched

PLAN = Plan(Path(os.environ["TELEMETRY_PLAN"]))
# As infra/echo/tests/telemetry.tftest.hcl has them.
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
    ("Echo/echo-test", "ErrorLines"),
    ("service.name", "echo"),
    ("deployment.environment.name", "test"),
}
LOG, ARN = "/echo/echo-test/service", "arn:aws:cloudwatch:eu-central-1:111122223333:alarm:echo-test-"
ARNS = {f"{ARN}{slug}" for slug in PLAN.alarms | PLAN.promql_alarms}


def described(alarm):
    """As DescribeAlarms gives back what is planned."""
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

    def test_nothing_is_wrong_with_what_is_planned(self):
        watched.expect_dashboard(PLAN.widgets, THERE, LOG, ARNS)
        watched.expect_alarms(ALARMS, THERE, {"topic"})

    def test_what_the_dashboard_names_and_is_called_otherwise_is_found(self):
        for pair in THERE:
            with self.subTest(pair):
                self.refuses("names and is not there", watched.expect_dashboard, PLAN.widgets, THERE - {pair}, LOG, ARNS)

    def test_what_the_dashboard_lacks_is_found(self):
        self.refuses("shows nothing of", watched.expect_dashboard, PLAN.widgets, THERE | {("TableName", "another")}, LOG, ARNS)
        self.refuses("the logs", watched.expect_dashboard, PLAN.widgets, THERE, "/echo/echo-dev/service", ARNS)
        self.refuses("the alarms", watched.expect_dashboard, PLAN.widgets, THERE, LOG, ARNS | {f"{ARN}new"})
        self.refuses("the alarms", watched.expect_dashboard, PLAN.widgets, THERE, LOG, ARNS - {f"{ARN}error-lines"})

    def test_what_an_alarm_names_and_is_called_otherwise_is_found(self):
        for pair in THERE - {("WebACL", "echo-test"), ("Region", "eu-central-1"), ("Rule", "ALL")}:
            with self.subTest(pair):
                self.refuses("names and is not there", watched.expect_alarms, ALARMS, THERE - {pair}, {"topic"})

    def test_an_alarm_of_nothing_is_found(self):
        nothing = {"AlarmName": "nothing", "AlarmActions": ["topic"], "OKActions": ["topic"]}
        everything = {"EvaluationCriteria": {"PromQLCriteria": {"Query": '{"echo.endpoints"}'}}}
        for alarm in (nothing, nothing | {"Metrics": [{"Expression": "1"}]}, nothing | everything):
            with self.subTest(alarm):
                self.refuses("names something", watched.expect_alarms, [alarm], THERE, {"topic"})

    def test_an_alarm_that_nobody_hears_is_found(self):
        self.refuses("tells topics", watched.expect_alarms, ALARMS, THERE, {"another"})
        self.refuses("tells topics", watched.expect_alarms, [ALARMS[0] | {"OKActions": []}], THERE, {"topic"})


if __name__ == "__main__":
    unittest.main()
