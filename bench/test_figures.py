"""Figures, goals and tables of known runs: `python3 -m unittest discover -s bench -t .`"""

import json
import tempfile
import unittest
from collections import Counter
from pathlib import Path

from bench import matching, mocks, performance, plan, report, tables
from bench.goals import HYPER, KIB, MISSED, MOST_MOCKS, ONE_MOCK, goals
from bench.measured import Case, Creation, Described, Measured, Refusal, Run, Start, ratio
from bench.mocks import CANDIDATES, JSON_BODY, MIXED, PATH_PARAMETER, PLAIN, THREE_TESTS


def run(case: Case, number: int, requests: int, *, cpu: float = 1.0, stage: str = plan.CLOSE_UP) -> Run:
    return Run(
        stage, number, **case._asdict(), connections=plan.FULL_LOAD, requests=requests, seconds=2.0,
        p50=0.001, p90=0.002, p99=0.003, broken=0, server_cpu=cpu, busy_cores=2.0,
    )  # fmt: skip


def server(key: str) -> Described:
    return Described(key, key.title(), "1.0", "defaults", warm_up_seconds=1, size=None, holds_mocks=True)


def verdicts(measured: Measured) -> dict[str, str]:
    return {goal.text: goal.verdict for goal in goals(measured)}


class Ratios(unittest.TestCase):
    def test_compares_each_round_with_itself(self) -> None:
        # The machine is twice as fast in the second round: the ratio of medians is 1.25, the ratio of each round 0.5.
        hyper = [run(HYPER, 1, 100), run(HYPER, 2, 200)]
        echo = [run(ONE_MOCK, 2, 100), run(ONE_MOCK, 1, 50)]
        figure = ratio(echo, hyper, lambda run: run.per_second)
        assert figure
        self.assertEqual((figure.value, figure.lowest, figure.highest), (0.5, 0.5, 0.5))

    def test_leaves_out_a_round_without_its_counterpart(self) -> None:
        self.assertIsNone(ratio([run(ONE_MOCK, 1, 100)], [run(HYPER, 2, 100)], lambda run: run.per_second))


class Goals(unittest.TestCase):
    def test_a_goal_is_met_at_the_limit_and_missed_below_it(self) -> None:
        measured = Measured(runs=[run(HYPER, 1, 100), run(ONE_MOCK, 1, 85), run(MOST_MOCKS, 1, 82), run(MISSED, 1, 71)])
        found = verdicts(measured)
        self.assertEqual(found["a served mock, against bare hyper"], "met")
        self.assertEqual(found["100,000 mocks, against one"], "**missed**")
        self.assertEqual(found["404s, against hits"], "met")

    def test_a_goal_without_runs_is_not_measured(self) -> None:
        self.assertEqual(set(verdicts(Measured()).values()), {"not measured"})

    def test_memory_of_a_mock_excludes_the_empty_store_and_the_mocks_own_bytes(self) -> None:
        empty, bookkeeping = 10 * KIB * KIB, KIB + 1
        full = empty + plan.MOST * (bookkeeping + mocks.OWN_BYTES)
        measured = Measured(
            starts=[Start("echo", 0, 0.01, empty, empty), Start("echo", plan.MOST, 0.5, full, full)],
            creations=[Creation("echo", plan.MOST, 9.0, full - 2 * plan.MOST, 0)],
        )
        found = verdicts(measured)
        self.assertEqual(found["memory of a small mock beyond its own bytes, after a start"], "**missed**")
        self.assertEqual(found["the same, right after creating them"], "met")


class MatchingGoals(unittest.TestCase):
    def test_a_goal_compares_the_cpu_time_of_two_cases(self) -> None:
        runs = [run(matching.PLAIN, 1, 100, cpu=1.0), run(matching.TESTS, 1, 100, cpu=1.31)]
        runs += [run(matching.JSON_AT_HYPER, 1, 100, cpu=2.0), run(matching.JSON, 1, 100, cpu=3.3)]
        found = {goal.text: goal for goal in matching.goals(Measured(runs=runs))}
        self.assertEqual(found["three tests of query and headers, against a plain mock"].verdict, "**missed**")
        self.assertEqual(found["a test of a JSON body of 1 KB, against bare hyper that reads it"].verdict, "met")
        self.assertEqual(found["a path parameter, against a plain mock"].verdict, "not measured")

    def test_the_fastest_other_server_has_the_lowest_cpu_time_for_the_same_mocks(self) -> None:
        def beside(key: str, kind: str, number: int, cpu: float) -> Run:
            return run(Case(key, kind=kind), number, 100, cpu=cpu, stage=plan.SIDE_BY_SIDE)

        runs = [beside("echo", THREE_TESTS, number, 1.0) for number in (1, 2)]
        runs += [beside("slow", THREE_TESTS, number, 9.0) for number in (1, 2)]
        runs += [beside("fast", THREE_TESTS, 1, 4.0), beside("fast", THREE_TESTS, 2, 2.0)]
        runs += [beside("slow", JSON_BODY, 1, 0.1)]  # other mocks do not count
        measured = Measured(servers=[server(key) for key in ("hyper", "echo", "slow", "fast")], runs=runs)
        found = {goal.text: goal for goal in matching.goals(measured)}
        goal = found["three tests, against the fastest other server (Fast)"]
        assert goal.measured
        self.assertEqual((goal.measured.value, goal.verdict), (0.375, "**missed**"))
        self.assertEqual(found["JSON body, against the fastest other server (Slow)"].verdict, "not measured")

    def test_memory_is_of_the_million_mocks(self) -> None:
        def started(case: Case, resident: int) -> Start:
            return Start(case.server, case.mocks, 5.0, resident, resident, case.kind)

        starts = [started(matching.MILLION_LARGER, KIB**3), started(matching.ONE_LARGER, 2 * KIB**3)]
        found = {goal.text: goal.verdict for goal in matching.goals(Measured(starts=starts))}
        self.assertEqual(found["resident memory with the million, after a start"], "met")

    def test_a_refusal_is_of_one_kind_of_mocks(self) -> None:
        measured = Measured(refusals=[Refusal("slow", 10_000, "not ready", MIXED)])
        self.assertTrue(measured.refuses(Case("slow", 10_000, kind=MIXED)))
        self.assertFalse(measured.refuses(Case("slow", 10_000)))


class Mocks(unittest.TestCase):
    def test_requests_are_spread_over_all_mocks(self) -> None:
        asked = [request.target for request in mocks.asked(PLAIN, 100_000)]
        self.assertEqual(len(set(asked)), mocks.REQUESTS)
        self.assertLess(max(asked), mocks.path(100_000))
        self.assertGreater(max(asked), mocks.path(99_000))

    def test_a_miss_is_as_long_as_a_hit_and_matches_no_mock(self) -> None:
        missed = {request.target for request in mocks.asked(PLAIN, 100_000, miss=True)}
        self.assertFalse(missed & {mock.path for mock in mocks.every(PLAIN, 100_000)})
        self.assertEqual({len(path) for path in missed}, {len(mocks.path(0))})

    def test_each_kind_of_a_mix_has_the_same_share_of_the_requests(self) -> None:
        def shares(count: int) -> Counter[tuple[str, bool]]:
            return Counter((request.verb, "X-Tenant" in request.headers) for request in mocks.asked(MIXED, count))

        self.assertEqual(set(shares(10).values()), {170, 171})
        self.assertEqual(shares(10), shares(10_000))

    def test_each_request_fits_a_mock_of_its_mix(self) -> None:
        for count in matching.MIXES:
            paths = {mock.path.removesuffix(f"/{mocks.PARAMETER}") for mock in mocks.every(MIXED, count)}
            asked = {request.target[: len(mocks.path(0))] for request in mocks.asked(MIXED, count)}
            self.assertLessEqual(asked, paths)
            self.assertGreaterEqual(len(asked), min(count, mocks.REQUESTS * 0.9))

    def test_a_request_for_candidates_fits_only_the_last_one(self) -> None:
        last = max(mocks.every(CANDIDATES, 16), key=lambda mock: -mock.priority)
        self.assertEqual(mocks.asked(CANDIDATES, 16), [mocks.hit(last)] * mocks.REQUESTS)

    def test_a_tested_body_has_1_kb(self) -> None:
        bodies = [mocks.order(customer) for customer in (0, 7, 9_999)]
        self.assertEqual([len(body) for body in bodies], [1024] * 3)
        self.assertEqual([json.loads(body)["customer"]["id"] for body in bodies], [0, 7, 9_999])

    def test_requests_that_must_miss_differ_from_a_hit_in_one_part(self) -> None:
        for kind, tests in ((PLAIN, 0), (PATH_PARAMETER, 0), (THREE_TESTS, 3), (JSON_BODY, 1)):
            mock = mocks.mock(kind, 7)
            right, wrong = mocks.hit(mock), mocks.misses(mock)
            self.assertEqual(len(wrong), 2 + tests)
            for request in wrong:
                parts = zip((right.verb, right.target, right.headers, right.body),
                            (request.verb, request.target, request.headers, request.body), strict=True)  # fmt: skip
                self.assertEqual(sum(one != other for one, other in parts), 1)

    def test_a_mock_of_200_bytes_has_200_bytes(self) -> None:
        mock = mocks.mock(mocks.LARGER, 0)
        headers = len("Content-Type") + len(mocks.CONTENT_TYPE)
        self.assertEqual(len(mock.verb) + len(mock.path) + headers + len(mock.body), 200)


class Report(unittest.TestCase):
    def test_kept_measurements_give_the_same_report(self) -> None:
        facts = {"date": "2026-01-31", "cores": "2", "seconds a run": "4"}
        measured = Measured(facts=facts, runs=[run(HYPER, 1, 100), run(ONE_MOCK, 1, 90)])
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "kept" / "measured.json"
            measured.save(file)
            for page in (performance.page, matching.page):
                again = Measured.load(file)
                self.assertEqual(report.document(page(again), again), report.document(page(measured), measured))

    def test_a_table_lines_up(self) -> None:
        rows = tables.markdown([["", "figure"], ["a", "1"], ["longer", "1,000"]]).splitlines()
        self.assertEqual(rows[1], "| ------ | -----: |")
        self.assertEqual({len(row) for row in rows}, {len(rows[0])})


if __name__ == "__main__":
    unittest.main()
