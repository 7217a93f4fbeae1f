"""Each alarm rings on data that it is for, and is silent on data that it is not for. Numbers are the thresholds of modules/observability."""

import os
import unittest
from pathlib import Path

from alarms import is_ringing
from plan import Plan, metrics_of
from recorded import Recorded

PLAN, RECORDED = Plan(Path(os.environ["TELEMETRY_PLAN"])), Recorded(Path(os.environ["TELEMETRY_RECORD"]))
MINUTE = 60_000


def minutes(count, samples=(), **by_metric):
    """So many minutes, each with these samples of the alarm's only metric, or of each of its metrics."""
    return [by_metric or {"result": list(samples)}] * count


# By alarm: what makes it ring, and what does not.
CASES = {
    "load-balancer-5xx": (
        {"six in each of three minutes, with pauses": minutes(1, [1] * 6) + minutes(1) + minutes(2, [1] * 6) + minutes(1)},
        {
            "five in each minute": minutes(5, [1] * 5),
            "a burst of two minutes": minutes(3) + minutes(2, [1] * 500),
            "no such answer": minutes(5),
        },
    ),
    "management-5xx": (
        {"six in each of three minutes": minutes(2) + minutes(3, [1] * 6)},
        {
            "five in each minute": minutes(5, [1] * 5),
            "a burst of two minutes": minutes(3) + minutes(2, [1] * 500),
            "no such answer": minutes(5),
        },
    ),
    "error-lines": (
        {"six in five minutes": minutes(4, [0]) + minutes(1, [1] * 6), "more than one a minute": minutes(4, [1]) + minutes(1, [1, 1])},
        {"five in five minutes": minutes(5, [1]), "lines without errors": minutes(5, [0] * 90), "no line": minutes(5)},
    ),
    "mocks-latency": (
        {
            "2 % are slow": minutes(5, [0.002] * 980 + [0.3] * 20),
            "one minute is good": minutes(4, [0.3] * 1000) + minutes(1, [0.002] * 1000),
        },
        {
            "0.5 % are slow": minutes(5, [0.002] * 995 + [3] * 5),
            "three minutes are slow": minutes(2, [0.002] * 1000) + minutes(3, [3] * 1000),
            "a few slow requests at night": minutes(5, [0.002] * 20 + [3]),
            "no request": minutes(5),
        },
    ),
    "management-latency": (
        {"2 % are slow": minutes(5, [0.02] * 98 + [3] * 2), "ten requests a minute, and each is slow": minutes(5, [2.1] * 10)},
        {
            "changes that settle": minutes(5, [0.2] * 50),
            "one slow list": minutes(4, [0.2] * 50) + minutes(1, [9]),
            "no request": minutes(5),
        },
    ),
    "unhealthy-tasks": (
        {"one, for one face": minutes(5, mocks=[0, 0], management=[0, 1]), "one for both": minutes(5, mocks=[1], management=[1])},
        {
            "a task that starts": minutes(1, mocks=[0], management=[0]) + minutes(4, mocks=[1], management=[1]),
            "none": minutes(5, mocks=[0], management=[0]),
            "no task": minutes(5, mocks=[], management=[]),
        },
    ),
    "tasks-missing": (
        {"one of three, for ten minutes": minutes(10, desired=[3], running=[2])},
        {
            "a rollout": minutes(8, desired=[2], running=[1]) + minutes(2, desired=[2], running=[2]),
            "more than wanted, in a rollout": minutes(10, desired=[2], running=[4]),
            "no Container Insights": minutes(10, desired=[], running=[]),
        },
    ),
    "tasks-below-minimum": (
        {"one of two": minutes(5, [40]), "none": minutes(5)},
        {
            "both": minutes(5, [40, 60]),
            "one is replaced": minutes(4, [40]) + minutes(1, [40, 60]),
            "more in a rollout": minutes(5, [1] * 4),
        },
    ),
    "cpu-saturated": (
        {"86 % for a quarter of an hour": minutes(15, [80, 92])},
        {"85 %": minutes(15, [85]), "a peak of ten minutes": minutes(5, [20]) + minutes(10, [100]), "nothing runs": minutes(15)},
    ),
    "memory-saturated": (
        {"86 % for a quarter of an hour": minutes(15, [80, 92])},
        {"85 %": minutes(15, [85]), "a peak of ten minutes": minutes(5, [20]) + minutes(10, [100]), "nothing runs": minutes(15)},
    ),
    "table-throttled": (
        {
            "writes, in three of five minutes": minutes(2, reads=[], writes=[]) + minutes(3, reads=[], writes=[1]),
            "now reads, now writes": minutes(2, reads=[1], writes=[]) + minutes(3, reads=[], writes=[1]),
        },
        {"two minutes": minutes(3, reads=[], writes=[]) + minutes(2, reads=[9], writes=[9]), "none": minutes(5, reads=[], writes=[])},
    ),
    "table-errors": (
        {
            f"{operation} fails": minutes(5, **{id: [1] if id == operation else [] for id in ("get", "query", "read", "write")})
            for operation in ("get", "query", "read", "write")
        },
        {
            "two minutes": minutes(3, get=[], query=[], read=[], write=[]) + minutes(2, get=[1], query=[], read=[], write=[1]),
            "none": minutes(5, get=[], query=[], read=[], write=[]),
        },
    ),
}


class Alarms(unittest.TestCase):
    def test_each_alarm_has_its_cases(self):
        self.assertEqual(set(CASES), set(PLAN.alarms))
        for slug, alarm in PLAN.alarms.items():
            named = {id for cases in CASES[slug] for data in cases.values() for minute in data for id in minute}
            self.assertEqual(named, set(metrics_of(alarm)), slug)

    def test_each_rings_when_it_should_and_only_then(self):
        for slug, (ringing, silent) in CASES.items():
            for cases, expected in ((ringing, True), (silent, False)):
                for what, data in cases.items():
                    with self.subTest(slug, what=what):
                        self.assertEqual(is_ringing(PLAN.alarms[slug], data), expected)


class Silence(unittest.TestCase):
    """telemetry-silent: its query, asked each minute as CloudWatch does, of what the service really sent."""

    def rings_after(self, series=None):
        """Minutes after the service's last metrics, within half an hour, when the query has been true for as long as the alarm wants."""
        criteria = PLAN.silent["EvaluationCriteria"]["PromQLCriteria"]
        since = 0
        for minute in range(30):
            is_silent = RECORDED.ask({"": criteria["Query"]}, RECORDED.end + minute * MINUTE, series)[""]
            since = since + PLAN.silent["EvaluationInterval"] if is_silent else 0
            if since > criteria["PendingPeriod"]:
                return minute
        return None

    def test_it_rings_when_nothing_has_come_for_a_quarter_of_an_hour(self):
        self.assertEqual(self.rings_after(), 15)

    def test_it_is_silent_while_metrics_come_and_not_because_of_another_environments(self):
        gauge = next(series for series in RECORDED.series if series["Labels"]["__name__"] == "echo.endpoints")
        points = [{"T": RECORDED.end + minute * MINUTE, "Value": 0.0} for minute in range(31)]
        self.assertIsNone(self.rings_after([{**gauge, "Points": points}]))
        another = {**gauge["Labels"], "@resource.deployment.environment.name": "another"}
        self.assertIsNotNone(self.rings_after([{"Labels": another, "Points": points}]))


if __name__ == "__main__":
    unittest.main()
