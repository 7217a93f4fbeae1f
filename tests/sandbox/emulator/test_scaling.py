"""The schedules and the target tracking of scaling. Run by `scripts/test roots`."""

import sys
import unittest
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

sys.path.append(str(Path(__file__).resolve().parent))

import schedule
import tracking

BERLIN = ZoneInfo("Europe/Berlin")


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


class Schedules(unittest.TestCase):
    def expect(self, expression, *due, never=()):
        for texts, wanted in ((due, True), (never, False)):
            for text in texts:
                since = at(text).replace(second=0)
                with self.subTest(f"{expression} {text}"):
                    self.assertEqual(schedule.is_due(expression, since.replace(minute=since.minute - 1), since), wanted)

    def test_each_field_has_values_lists_ranges_and_steps(self):
        # 2026-12-03 is a Thursday.
        self.expect("cron(30 22 * * ? *)", "2026-12-03T22:30:00", never=("2026-12-03T22:31:00", "2026-12-03T21:30:00"))
        self.expect("cron(5/10 8-9,17 ? * MON-FRI *)", "2026-12-03T08:05:00", "2026-12-03T17:55:00", never=("2026-12-05T08:05:00", "2026-12-03T08:10:00"))
        self.expect("cron(30 6 1 DEC ? 2026)", "2026-12-01T06:30:00", never=("2026-12-02T06:30:00", "2026-11-01T06:30:00"))
        self.expect("cron(30 6 ? * 1 *)", "2026-12-06T06:30:00", never=("2026-12-07T06:30:00",))
        self.expect("at(2026-12-31T22:30:00)", "2026-12-31T22:30:00", never=("2026-12-31T22:31:00", "2026-12-30T22:30:00"))

    def test_a_schedule_is_due_once_for_each_of_its_times(self):
        times = [at(f"2026-12-03T22:{minute}") for minute in ("29:58", "30:03", "30:08", "31:00")]
        due = [schedule.is_due("cron(30 22 * * ? *)", since, until) for since, until in zip(times, times[1:])]
        self.assertEqual(due, [True, False, False])


class Tracking(unittest.TestCase):
    def expect(self, count, values, desired=2, target=100):
        self.assertEqual(tracking.proposal(desired, target, values), count)

    def test_three_periods_above_the_target_scale_out(self):
        self.expect(5, [50] * 12 + [120, 150, 210])
        self.expect(None, [50] * 12 + [120, 100, 210])
        self.expect(None, [None] * 13 + [120, 210])

    def test_fifteen_periods_well_below_the_target_scale_in(self):
        self.expect(1, [40] * 15, desired=2)
        self.expect(3, [40] * 14 + [45], desired=6)
        self.expect(None, [40] * 14 + [95])
        self.expect(None, [None] + [40] * 14)
