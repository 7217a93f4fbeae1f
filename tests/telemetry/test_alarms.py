"""Each alarm rings on the right data, and only then. Numbers are the thresholds of modules/observability."""

import os
import unittest
from pathlib import Path

from alarms import is_ringing
from plan import Plan, metrics_of
from recorded import Recorded

PLAN, RECORDED = Plan(Path(os.environ["TELEMETRY_PLAN"])), Recorded(Path(os.environ["TELEMETRY_RECORD"]))
MINUTE = 60_000


def minutes(count, samples=(), **by_metric):
    """`count` minutes, each with these samples of the alarm's only metric, or of each metric by id."""
    return [by_metric or {"result": list(samples)}] * count


def requests(count, seconds=()):
    """`count` minutes, each with requests of these durations."""
    return minutes(count, p50=list(seconds), p99=list(seconds), requests=[1] * len(seconds))


def failures(count, **by_metric):
    """`count` minutes with these failures of the load balancer."""
    return minutes(count, **({"failed": [], "late": [], "unavailable": [], "unconnected": []} | by_metric))


# By alarm: data on which it rings, and data on which it is silent.
CASES = {
    "load-balancer-5xx": (
        {
            "six 503s in each of three minutes, with pauses": failures(1, unavailable=[1] * 6) + failures(1) + failures(2, unavailable=[1] * 6) + failures(1),
            "tasks refuse connections": failures(5, unconnected=[1] * 6),
            "all kinds together": failures(5, failed=[1], late=[1], unavailable=[1] * 2, unconnected=[1] * 2),
        },
        {
            "five in each minute": failures(5, late=[1] * 5),
            "a burst of two minutes": failures(3) + failures(2, unavailable=[1] * 500),
            # The alarm has no metric of 502s.
            "only mocks with a fault": failures(5),
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
    "management-latency": (
        {"2 % are slow": requests(5, [0.02] * 98 + [3] * 2), "one minute is good": requests(4, [3] * 1000) + requests(1, [0.02] * 1000), "ten requests a minute, and each is slow": requests(5, [2.1] * 10)},
        {
            "0.5 % are slow": requests(5, [0.02] * 995 + [3] * 5),
            "three minutes are slow": requests(2, [0.02] * 1000) + requests(3, [3] * 1000),
            "a quiet night after a slow load test": requests(1, [3] * 1000) + requests(4, [0.02]),
            "nothing after a slow load test": requests(2, [3] * 1000) + requests(3),
            "changes that settle": requests(5, [0.2] * 50),
            "a slow list in each minute": requests(5, [0.2] * 10 + [9]),
            "one slow list": requests(4, [0.2] * 50) + requests(1, [9]),
            "no request": requests(5),
        },
    ),
    "unhealthy-tasks": (
        {"one, for one listener": minutes(5, mocks=[0, 0], management=[0, 1]), "one for both": minutes(5, mocks=[1], management=[1])},
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
    "certificate-expiring": (
        {"29 days are left": minutes(1440 - 720) + minutes(1, [29]) + minutes(719)},
        {"30 days are left": minutes(1439) + minutes(1, [30]), "a new one without data from ACM": minutes(1440)},
    ),
    "cpu-saturated": (
        {"86 % for a quarter of an hour": minutes(15, [80, 92])},
        {"85 %": minutes(15, [85]), "a peak of ten minutes": minutes(5, [20]) + minutes(10, [100]), "nothing runs": minutes(15)},
    ),
    # 85 % of the service's share, which is three quarters of the task, and half of the rest.
    "memory-saturated": (
        {"77 % of the task for a quarter of an hour": minutes(15, [71, 83])},
        {"76 %": minutes(15, [76]), "a peak of ten minutes": minutes(5, [20]) + minutes(10, [100]), "nothing runs": minutes(15)},
    ),
    # 500 MB.
    "log-volume": (
        {
            "9 MB a minute of flow logs": minutes(60, service=[100], collector=[], flow_logs=[9e6]),
            "all groups together": minutes(60, service=[4e6], collector=[2e6], flow_logs=[3e6]),
            "ten minutes of a flood": minutes(50, service=[], collector=[], flow_logs=[]) + minutes(10, service=[], collector=[], flow_logs=[60e6]),
        },
        {
            "8 MB a minute": minutes(60, service=[2e6], collector=[1e6], flow_logs=[5e6]),
            "five minutes of a flood": minutes(55, service=[], collector=[], flow_logs=[]) + minutes(5, service=[], collector=[], flow_logs=[60e6]),
            "no line": minutes(60, service=[], collector=[], flow_logs=[]),
        },
    ),
    # 80 % of 6 vCPU.
    "vcpu-near-quota": (
        {"five vCPU": minutes(10, used=[5]), "a peak in each five minutes": minutes(4, used=[2]) + minutes(1, used=[6]) + minutes(4, used=[2]) + minutes(1, used=[6])},
        {"4.8 vCPU": minutes(10, used=[4.8]), "a rollout": minutes(5, used=[3]) + minutes(5, used=[6]), "nothing runs": minutes(10, used=[])},
    ),
    "table-throttled": (        {
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
        self.assertEqual({it.slug for it in OnPromQl.__subclasses__()}, set(PLAN.promql_alarms))

    def test_each_rings_on_its_data_and_is_silent_on_other_data(self):
        for slug, (ringing, silent) in CASES.items():
            for cases, expected in ((ringing, True), (silent, False)):
                for what, data in cases.items():
                    with self.subTest(slug, what=what):
                        self.assertEqual(is_ringing(PLAN.alarms[slug], data), expected)


def rings_after(slug, start, series=None):
    """The minute, within half an hour from `start`, in which an alarm on PromQL rings, or None: its query, evaluated each
    minute like CloudWatch on the recorded or other series, has had a result for the pending period."""
    alarm, answered = PLAN.promql_alarms[slug], 0
    criteria = alarm["EvaluationCriteria"]["PromQLCriteria"]
    for minute in range(31):
        is_answered = RECORDED.ask({"": criteria["Query"]}, start + minute * MINUTE, series)[""]
        answered = answered + alarm["EvaluationInterval"] if is_answered else 0
        if answered > criteria["PendingPeriod"]:
            return minute
    return None


class OnPromQl(unittest.TestCase):
    """Base class: each alarm on PromQL has its own subclass."""

    slug = None


class Silence(OnPromQl):
    slug = "telemetry-silent"

    def test_it_rings_after_15_minutes_without_metrics(self):
        self.assertEqual(rings_after(self.slug, RECORDED.end), 15)

    def test_it_is_silent_while_this_environment_sends_metrics(self):
        gauge = next(series for series in RECORDED.series if series["Labels"]["__name__"] == "echo.endpoints")
        points = [{"T": RECORDED.end + minute * MINUTE, "Value": 0.0} for minute in range(31)]
        self.assertIsNone(rings_after(self.slug, RECORDED.end, [{**gauge, "Points": points}]))
        another = {**gauge["Labels"], "@resource.deployment.environment.name": "another"}
        self.assertIsNotNone(rings_after(self.slug, RECORDED.end, [{"Labels": another, "Points": points}]))


class Fullness(OnPromQl):
    slug = "mocks-near-limit"

    def rings(self, sizes, **labels):
        """The minute in which the alarm rings, if the mocks of two replicas have these sizes in percent of the limit."""
        series = []
        for task, size in enumerate(sizes):
            for name, value in (("echo.mocks.size", size), ("echo.mocks.limit", 100)):
                recorded = next(it for it in RECORDED.series if it["Labels"]["__name__"] == name)
                points = [{"T": minute * MINUTE, "Value": float(value)} for minute in range(31)]
                of_task = {"@resource.aws.ecs.task.arn": f"arn:{task}"}
                series.append({"Labels": recorded["Labels"] | of_task | labels, "Points": points})
        return rings_after(self.slug, 0, series)

    def test_it_rings_above_80_percent_in_one_replica(self):
        self.assertEqual(self.rings([50, 81]), 5)
        self.assertIsNone(self.rings([50, 80]))
        self.assertIsNone(self.rings([50, 90], **{"@resource.deployment.environment.name": "another"}))


class Divergence(OnPromQl):
    slug = "replicas-diverged"

    def rings(self, diverged, **labels):
        """The minute in which the alarm rings, if a replica exports these values, minute by minute."""
        recorded = next(it for it in RECORDED.series if it["Labels"]["__name__"] == "echo.replica.diverged")
        points = [{"T": minute * MINUTE, "Value": float(value)} for minute, value in enumerate(diverged)]
        return rings_after(self.slug, 0, [{"Labels": recorded["Labels"] | labels, "Points": points}])

    def test_it_rings_while_a_replica_differs_and_after_a_repaired_divergence(self):
        self.assertIsNotNone(self.rings([1] * 31), "since the start")
        # The service shows a divergence for 15 minutes.
        self.assertIsNotNone(self.rings([0] * 5 + [1] * 15 + [0] * 11), "repaired")

    def test_it_is_silent_without_a_divergence_and_in_other_environments(self):
        self.assertIsNone(self.rings([0] * 31))
        self.assertIsNone(self.rings([1] * 31, **{"@resource.deployment.environment.name": "another"}))


class Slowness(OnPromQl):
    slug = "mocks-slow"

    def rings(self, *minutes, **labels):
        """The minute in which the alarm rings, if each minute has such numbers of quick and slow calls. The last minute repeats."""
        recorded = next(it for it in RECORDED.series if it["Labels"].get("http.response.status_code") == "200" and "http.route" not in it["Labels"])
        bounds, points, counts = recorded["Points"][0]["Bounds"], [], [0] * (len(recorded["Points"][0]["Bounds"]) + 1)
        for minute in range(31):
            quick, slow = minutes[min(minute, len(minutes) - 1)]
            # Below 5 ms, and above 0.25 s.
            counts[0] += quick
            counts[bounds.index(0.25) + 1] += slow
            points.append({"T": minute * MINUTE, "Sum": float(sum(counts)), "Bounds": bounds, "Counts": list(counts)})
        return rings_after(self.slug, 0, [{"Labels": recorded["Labels"] | labels, "Points": points}])

    def test_it_rings_after_four_slow_minutes(self):
        self.assertIsNotNone(self.rings((980, 20)), "2 % are slow")
        self.assertIsNotNone(self.rings((98, 2)), "2 % of a hundred are slow")
        self.assertIsNotNone(self.rings((9, 11)), "most of a few are slow")
        self.assertIsNotNone(self.rings((10, 0), *[(950, 50)] * 2, (1000, 0), *[(950, 50)] * 2, (1000, 0)), "one minute is good")

    def test_it_is_silent_on_few_slow_calls_bursts_and_other_environments(self):
        self.assertIsNone(self.rings((995, 5)), "0.5 % are slow")
        self.assertIsNone(self.rings((1000, 0), *[(0, 1000)] * 3, (1000, 0)), "three minutes are slow")
        self.assertIsNone(self.rings((20, 2)), "a few slow calls at night")
        self.assertIsNone(self.rings((1000, 0), *[(0, 1000)] * 3, (0, 0)), "nothing after a slow load test")
        self.assertIsNone(self.rings((0, 1000), **{"@resource.deployment.environment.name": "another"}))
        self.assertIsNone(self.rings((0, 1000), **{"http.route": "/endpoints"}), "management")


class Faults(OnPromQl):
    slug = "mocks-faults"

    def setUp(self):
        self.requests = [series for series in RECORDED.series if series["Labels"]["__name__"] == "http.server.request.duration"]
        faults = [series for series in self.requests if "error.type" in series["Labels"]]
        # One series of mocks (503) and one of management. Before the end of the load, `/-/ready` is 503 as well.
        (self.mocks,) = (series for series in faults if "http.route" not in series["Labels"])
        (self.management,) = (series for series in faults if series["Labels"].get("http.route", "").startswith("/endpoints"))

    def rings(self, counts, series=None):
        """The minute in which the alarm rings, if a series of faults has these counts, minute by minute."""
        series = series or self.mocks
        bounds = series["Points"][0]["Bounds"]
        points = [
            {"T": minute * MINUTE, "Sum": float(count), "Bounds": bounds, "Counts": [count] + [0] * len(bounds)}
            for minute, count in enumerate(counts)
        ]
        return rings_after(self.slug, 0, [{"Labels": series["Labels"], "Points": points}])

    def test_its_query_has_a_result_only_after_the_store_is_lost(self):
        query = {"": PLAN.queries[self.slug]}
        began = self.mocks["Points"][0]["T"]
        self.assertTrue(RECORDED.ask(query)[""])
        # Before that, a mock returned 500 by its definition.
        told = [series for series in self.requests if series["Labels"]["http.response.status_code"] == "500"]
        self.assertTrue(told and all(series["Points"][0]["T"] < began for series in told))
        self.assertFalse(RECORDED.ask(query, began - 1)[""])

    def test_it_rings_after_minutes_of_faults(self):
        self.assertEqual(self.rings(range(10, 311, 10)), 4)

    def test_it_is_silent_on_a_burst_rare_faults_management_and_other_environments(self):
        self.assertIsNone(self.rings([1] * 10 + [1_001] * 21), "a burst")
        self.assertIsNone(self.rings(range(1, 32)), "one a minute")
        self.assertIsNone(self.rings(range(10, 311, 10), self.management))
        another = {**self.mocks, "Labels": {**self.mocks["Labels"], "@resource.deployment.environment.name": "another"}}
        self.assertIsNone(self.rings(range(10, 311, 10), another))


if __name__ == "__main__":
    unittest.main()
