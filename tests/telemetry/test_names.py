"""Every name in the dashboard, alarms, scaling and queries is recorded from the service, or published by AWS."""

import json
import os
import re
import unittest
from pathlib import Path

import yaml
from plan import Plan, metrics_of
from recorded import Recorded

ROOT = Path(__file__).resolve().parents[2]
PLAN, RECORDED = Plan(Path(os.environ["TELEMETRY_PLAN"])), Recorded(Path(os.environ["TELEMETRY_RECORD"]))
PUBLISHED = yaml.safe_load(Path(__file__).with_name("published.yaml").read_text())
# A selector of PromQL, the name of its metric, and the names of its labels.
SELECTOR, NAME, LABEL = re.compile(r"\{([^}]*)\}"), re.compile(r'^"([^"]+)"'), re.compile(r'"([^"]+)"\s*!?=')


def pairs(flat):
    return sorted(zip(flat[::2], flat[1::2], strict=True))


class Names(unittest.TestCase):
    def test_each_query_has_a_result_in_the_recorded_data(self):
        # Some alarms have no result in these data: nothing is silent, diverged or full. Query their metrics instead.
        queries = {where: re.sub(r"^absent_over_time\((.*)\)$", r"count_over_time(\1)", query) for where, query in PLAN.queries.items()}
        queries = {where: re.sub(r" > [\d.]+$", "", query) for where, query in queries.items()}
        answers = RECORDED.ask(queries)
        for where, query in queries.items():
            with self.subTest(where, query=query):
                found = [answer for answer in answers[where] if answer["Value"] is not None]
                self.assertTrue(found, "no recorded data for this query")
                for grouping in re.findall(r"by \(([^)]*)\)", query):
                    for label in re.findall(r'"([^"]+)"', grouping):
                        self.assertNotEqual(label, "@resource.service.instance.id", "tasks have other names everywhere else")
                        self.assertTrue(
                            all(label in answer["Labels"] for answer in found), f"it groups by {label}, which no series has"
                        )

    def test_each_label_of_a_selector_is_recorded_with_its_metric(self):
        # For a label that does not exist, `"error.type"!=""` finds nothing, and `!=` with another value everything.
        for where, query in PLAN.queries.items():
            for selector in SELECTOR.findall(query):
                metric = NAME.match(selector)[1]
                recorded = {label for series in RECORDED.series if series["Labels"]["__name__"] == metric for label in series["Labels"]}
                with self.subTest(where, metric=metric):
                    self.assertLessEqual(set(LABEL.findall(selector)), recorded)

    def test_a_query_of_requests_covers_either_mocks_or_management(self):
        requests = [series for series in RECORDED.series if series["Labels"]["__name__"] == "http.server.request.duration"]
        queries = {where: re.sub(r" > [\d.]+$", "", query) for where, query in PLAN.queries.items() if "http.server.request.duration" in query}
        faces = {
            face: RECORDED.ask(queries, series=[it for it in requests if re.match(route, it["Labels"].get("http.route", ""))])
            for face, route in {"mocks": "$", "management": "/endpoints", "health": "/-/"}.items()
        }
        for where in queries:
            with self.subTest(where):
                answered = [face for face, answers in faces.items() if answers[where]]
                self.assertIn(answered, (["mocks"], ["management"]))

    def test_each_metric_of_a_namespace_is_published_by_aws(self):
        # The metric filter of the log creates this one.
        made = {
            (it["namespace"], it["name"], frozenset())
            for filter in PLAN.of_type("aws_cloudwatch_log_metric_filter").values()
            for it in filter["metric_transformation"]
        }
        published = {
            (namespace, name, frozenset(dimensions))
            for namespace, it in PUBLISHED["metrics"].items()
            for name, sets in it["names"].items()
            for dimensions in sets
        }
        named = {metric[1:] for metric in PLAN.metrics}
        self.assertEqual(named - published - made, set(), "not published by AWS")
        self.assertEqual(published - named, set(), "in published.yaml, and not used")
        self.assertEqual(PLAN.scaling, set(PUBLISHED["scaling"]["names"]))

    def test_the_dashboard_shows_each_metric_of_an_alarm(self):
        # With the same dimensions: the same table, and the same operation.
        widgets = [widget["properties"] for widget in PLAN.widgets if widget["type"] == "metric"]
        shown = {(namespace, name, *pairs(dimensions)) for it in widgets for namespace, name, *dimensions, _ in it["metrics"]}
        for slug, alarm in PLAN.alarms.items():
            for metric in metrics_of(alarm).values():
                of = sum((metric["dimensions"] or {}).items(), ())
                with self.subTest(slug, metric=metric["metric_name"]):
                    self.assertIn((metric["namespace"], metric["metric_name"], *pairs(of)), shown)
        charts = [query for where, query in PLAN.queries.items() if where not in PLAN.promql_alarms]
        for slug in PLAN.promql_alarms:
            for selector in SELECTOR.findall(PLAN.queries[slug]):
                with self.subTest(slug):
                    self.assertIn(NAME.match(selector)[1], {NAME.match(it)[1] for query in charts for it in SELECTOR.findall(query)})

    def test_each_threshold_is_a_line_in_a_widget_with_the_alarms_metric(self):
        # A sum over five minutes differs from a sum over one.
        span = lambda period, stat: period if stat in ("Sum", "SampleCount") else None
        drawn = {}
        for widget in (it["properties"] for it in PLAN.widgets if it["type"] == "metric"):
            shown = {(name, it["stat"], span(widget["period"], it["stat"])) for _, name, *_, it in widget["metrics"]}
            for line in widget.get("annotations", {}).get("horizontal", []):
                metrics = metrics_of(PLAN.alarms[line["label"]]).values()
                stats = [(metric, metric.get("stat") or metric["statistic"]) for metric in metrics]
                looked_at = {(metric["metric_name"], stat, span(metric["period"], stat)) for metric, stat in stats}
                self.assertTrue(shown & looked_at, f"{line['label']} is on {widget['title']}")
                drawn[line["label"]] = line["value"]
        # An alarm with the threshold 0 needs no line.
        self.assertEqual(drawn, {slug: alarm["threshold"] for slug, alarm in PLAN.alarms.items() if alarm["threshold"]})

    def test_each_field_in_a_query_of_the_log_is_recorded(self):
        self.assertIn("span.trace_id", PLAN.log_fields)
        unknown = PLAN.log_fields - RECORDED.log_fields - set(PUBLISHED["log_fields"]["names"])
        self.assertEqual(unknown, set(PUBLISHED["log_fields_of_faults"]))
        for field, test in PUBLISHED["log_fields_of_faults"].items():
            self.assertIn(f'["{field}"]', (ROOT / test).read_text())

    def test_the_queried_levels_are_recorded(self):
        asked = json.dumps([widget["properties"].get("query", "") for widget in PLAN.widgets])
        self.assertIn("'ERROR'", asked)
        self.assertIn("ERROR", {line["level"] for line in RECORDED.log})

    def test_a_renamed_metric_is_found(self):
        renamed = [{**series, "Labels": {**series["Labels"], "__name__": series["Labels"]["__name__"] + "s"}} for series in RECORDED.series]
        answers = RECORDED.ask(PLAN.queries, series=renamed)
        self.assertEqual({where for where, answer in answers.items() if answer}, {"telemetry-silent"})


if __name__ == "__main__":
    unittest.main()
