"""docs/runbook.md agrees with the plan.

The table at its top has every planned alarm, with its threshold and whether it rolls back, and so has each entry. Each quoted widget
is on the dashboard.
"""

import os
import re
import unittest
from pathlib import Path

from plan import Plan, metrics_of

PLAN = Plan(Path(os.environ["TELEMETRY_PLAN"]))
RUNBOOK = (Path(__file__).parents[2] / "docs/runbook.md").read_text()
# Name, threshold, and rollback of an alarm.
ROW = re.compile(r"^\| \[([a-z0-9-]+)\]\(#\1\) \| ([^|]+) \| [^|]+ \| (yes|no) \| [^|]+ \|$", re.MULTILINE)
SIGNS = {"GreaterThanThreshold": "> ", "LessThanThreshold": "fewer than "}
DAY = 24 * 60
# A title in italics, or its beginning. Names of workflows and words of a curve's legend begin with a small letter.
QUOTED = re.compile(r"(?<!\*)\*([A-Z0-9][^*]+)\*(?!\*)")
NO_WIDGET = re.compile(r"Rolls back\.?|Actions → .*|Re-run failed jobs")


def plain(number):
    """A number as the page has it: 500,000,000 and 0.25."""
    return f"{number:,.0f}" if number == int(number) else f"{number:g}"


def limits(alarm):
    """The limit and the time of a planned alarm, in the table's format."""
    if criteria := alarm.get("EvaluationCriteria", {}).get("PromQLCriteria"):
        window, pending = re.search(r"\[(\d+)m\]", criteria["Query"]), criteria["PendingPeriod"] // 60
        limit = re.search(r"> \S+$", criteria["Query"])
        if not limit:
            return [f"for {int(window[1]) + pending} minutes"]
        return [limit[0], *([f"{window[1]} minutes"] if window else []), f"for {pending} minute" + "s" * (pending > 1)]
    period = next(iter(metrics_of(alarm).values()))["period"] // 60
    datapoints, of = alarm["datapoints_to_alarm"], alarm["evaluation_periods"]
    time = [] if period * of == DAY else [f"{period * of} minutes" if datapoints == of else f"{datapoints} of {of} minutes"]
    return [f"{SIGNS[alarm['comparison_operator']]}{plain(alarm['threshold'])}", *time]


def problems(runbook):
    """Differences between the runbook's table, its entries and the plan."""
    rows = {slug: (threshold, rolls_back) for slug, threshold, rolls_back in ROW.findall(runbook)}
    planned = PLAN.alarms | PLAN.promql_alarms
    found = [f"{slug}: only in the table or only planned" for slug in set(rows) ^ set(planned)]
    for slug in set(rows) & set(planned):
        threshold, rolls_back = rows[slug]
        entry = re.search(rf"^### {slug}\n\n(.*?)^#", runbook, re.MULTILINE | re.DOTALL)[1]
        found += [f"{slug}: the table lacks `{it}`" for it in limits(planned[slug]) if not re.search(rf"{re.escape(it)}\b", threshold)]
        for number in re.findall(r"[\d.]*\d", limits(planned[slug])[0]):
            if number != "0" and not re.search(rf"\b{re.escape(number)}\b", entry):
                found.append(f"{slug}: the entry lacks {number}")
        if (rolls_back == "yes") != entry.startswith("*Rolls back.*"):
            found.append(f"{slug}: table and entry disagree about rolling back")
    return found


def unknown_widgets(runbook):
    """The quoted titles that no planned widget begins with."""
    titles = [widget["properties"].get("title", "") for widget in PLAN.widgets]
    prose = re.sub(r"```.*?```", "", runbook, flags=re.DOTALL)
    quoted = {" ".join(title.split()) for title in QUOTED.findall(prose)}
    return [it for it in quoted if not NO_WIDGET.fullmatch(it) and not any(title.startswith(it) for title in titles)]


class Runbook(unittest.TestCase):
    def test_the_table_and_the_entries_agree_with_the_plan(self):
        self.assertEqual(problems(RUNBOOK), [])

    def test_a_wrong_row_is_found(self):
        for slug, threshold, rolls_back in ROW.findall(RUNBOOK):
            row = ROW.search(RUNBOOK, RUNBOOK.index(f"| [{slug}]("))[0]
            numbers = [number for limit in limits((PLAN.alarms | PLAN.promql_alarms)[slug]) for number in re.findall(r"[\d.]*\d", limit)]
            wrong = {"": "no row", row.replace(f"| {rolls_back} |", f"| {'no' if rolls_back == 'yes' else 'yes'} |"): "rolls back"}
            wrong |= {row.replace(threshold, re.sub(rf"\b{re.escape(number)}\b", "77", threshold)): number for number in numbers}
            for planted, what in wrong.items():
                with self.subTest(slug, wrong=what):
                    self.assertTrue(problems(RUNBOOK.replace(row, planted)))

    def test_each_quoted_widget_is_on_the_dashboard(self):
        self.assertEqual(unknown_widgets(RUNBOOK), [])

    def test_a_wrong_title_is_found(self):
        wrong = RUNBOOK.replace("*Mocks: latency*", "*Mocks: time to answer*")
        self.assertEqual(unknown_widgets(wrong), ["Mocks: time to answer"])


if __name__ == "__main__":
    unittest.main()
