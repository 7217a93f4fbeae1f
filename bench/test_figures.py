"""Figures, goals and tables of known runs: `python3 -m unittest discover -s bench -t .`"""

import tempfile
import unittest
from pathlib import Path

from bench import mocks, plan, report, tables
from bench.goals import HYPER, KIB, MISSED, MOST_MOCKS, ONE_MOCK, goals
from bench.measured import Case, Creation, Measured, Run, Start, ratio


def run(case: Case, number: int, requests: int) -> Run:
    return Run(
        plan.CLOSE_UP, number, *case, connections=plan.FULL_LOAD, requests=requests, seconds=2.0,
        p50=0.001, p90=0.002, p99=0.003, broken=0, server_cpu=1.0, busy_cores=2.0,
    )  # fmt: skip


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


class Mocks(unittest.TestCase):
    def test_requests_are_spread_over_all_mocks(self) -> None:
        asked = mocks.asked(100_000)
        self.assertEqual(len(set(asked)), mocks.REQUESTS)
        self.assertLess(max(asked), mocks.path(100_000))
        self.assertGreater(max(asked), mocks.path(99_000))

    def test_a_miss_is_as_long_as_a_hit_and_matches_no_mock(self) -> None:
        missed = set(mocks.asked(100_000, miss=True))
        self.assertFalse(missed & set(mocks.paths(100_000)))
        self.assertEqual({len(path) for path in missed}, {len(mocks.path(0))})


class Report(unittest.TestCase):
    def test_kept_measurements_give_the_same_report(self) -> None:
        facts = {"date": "2026-01-31", "cores": "2", "seconds a run": "4"}
        measured = Measured(facts=facts, runs=[run(HYPER, 1, 100), run(ONE_MOCK, 1, 90)])
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "kept" / "measured.json"
            measured.save(file)
            self.assertEqual(report.document(Measured.load(file)), report.document(measured))

    def test_a_table_lines_up(self) -> None:
        rows = tables.markdown([["", "figure"], ["a", "1"], ["longer", "1,000"]]).splitlines()
        self.assertEqual(rows[1], "| ------ | -----: |")
        self.assertEqual({len(row) for row in rows}, {len(rows[0])})


if __name__ == "__main__":
    unittest.main()
