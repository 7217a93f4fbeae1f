"""A real collector with Terraform's configuration: AWS gets the right requests, and would accept them."""

import os
import re
import unittest
from pathlib import Path

import endpoints
import load
from plan import Plan
from recorded import Recorded

ROOT = Path(__file__).resolve().parents[2]
PLAN, RECORDED = Plan(Path(os.environ["TELEMETRY_PLAN"])), Recorded(Path(os.environ["TELEMETRY_RECORD"]))
METRICS, TRACES = ([request for request in RECORDED.requests if request.path == path] for path in ("/v1/metrics", "/v1/traces"))


class Collector(unittest.TestCase):
    def test_aws_takes_every_request(self):
        self.assertEqual([request.refusals for request in RECORDED.requests if request.refusals], [])
        self.assertTrue(len(METRICS) > 1 and len(TRACES) > 1, f"{len(METRICS)} and {len(TRACES)} requests")

    def test_aws_would_refuse_a_wrong_signature_or_a_changed_request(self):
        for request, other in ((METRICS[0], TRACES[0]), (TRACES[0], METRICS[0])):
            refusals = lambda headers={}, body=request.body, path=request.path: endpoints.refusals(path, request.headers | headers, body)
            self.assertEqual(refusals(), [])
            self.assertEqual(refusals(body=request.body[:4] + b"\1" + request.body[5:]), ["the signature is another"])
            self.assertIn("it is signed by ASIAEXAMPLE for ", refusals({"authorization": other.headers["authorization"]})[0])
            self.assertEqual(refusals({"x-amz-security-token": "another"}), ["token or date are others"])
            self.assertEqual(refusals({"authorization": ""}), ["Authorization is ''"])

    def test_the_collector_splits_points_beyond_the_limit_of_a_request(self):
        many = [series for series in RECORDED.series if series["Labels"]["__name__"] == "many"]
        self.assertEqual(len(many), load.POINTS)
        largest = max(len(endpoints.items(request.document)) for request in METRICS)
        self.assertEqual(largest, 1_000)

    def test_a_full_request_of_the_largest_points_is_within_the_limit_of_bytes(self):
        # The collector limits points, not bytes.
        largest = max(point.ByteSize() for request in METRICS for point in endpoints.items(request.document))
        self.assertLess(largest * 1_000, 1_000_000 * 0.9, f"a point has up to {largest} bytes")

    def test_every_request_is_compressed(self):
        self.assertEqual({request.headers.get("content-encoding") for request in RECORDED.requests}, {"gzip"})

    def test_series_have_the_attributes_of_their_task(self):
        environment = {f"@resource.{pair}".partition("=")[::2] for pair in PLAN.environment("echo")["OTEL_RESOURCE_ATTRIBUTES"].split(",")}
        for series in RECORDED.series:
            labels = series["Labels"]
            self.assertEqual(labels["@resource.aws.ecs.task.arn"], endpoints.TASK)
            if labels["__name__"] != "many":
                self.assertLessEqual(environment, set(labels.items()))
                self.assertEqual((labels["@resource.service.name"], len(labels["@resource.service.instance.id"])), ("echo", 36))

    def test_the_collector_logs_no_fault(self):
        self.assertEqual(RECORDED.collector_log, "")


    def test_the_readme_names_the_versions_of_both_collectors(self):
        told = Path(__file__).with_name("README.md").read_text()
        for file, version in {"scripts/deliver/collector": r"(?m)^version=(\S+)", "tests/collector/go.mod": r"/collector/otelcol (\S+)"}.items():
            self.assertIn(f" {re.search(version, (ROOT / file).read_text())[1]}", told, file)


class OneTrace(unittest.TestCase):
    """One trace leads from the load balancer's header to the table and the log."""

    def test_the_load_balancers_trace_has_the_request_and_its_operations(self):
        spans = [span for span in RECORDED.spans if span.trace_id.hex() == load.TRACE]
        requests = {span.name: span for span in spans if span.kind == span.SPAN_KIND_SERVER}
        self.assertEqual(set(requests), {"POST /endpoints", "GET /endpoints"})
        self.assertEqual({bytes(span.parent_span_id) for span in requests.values()}, {b""})
        operations = {(span.name, bytes(span.parent_span_id)) for span in spans if span.kind == span.SPAN_KIND_CLIENT}
        self.assertIn(("store list", requests["GET /endpoints"].span_id), operations)
        self.assertIn("store write", {name for name, _ in operations})

    def test_the_log_has_the_trace_id_in_requests_and_in_the_error(self):
        lines = [line for line in RECORDED.log if line.get("span", {}).get("trace_id") == load.TRACE]
        self.assertEqual({line["message"] for line in lines}, {"management request", "the store failed"})
        spans = {span.span_id.hex() for span in RECORDED.spans if span.trace_id.hex() == load.TRACE}
        self.assertLessEqual({line["span"]["span_id"] for line in lines}, spans)


if __name__ == "__main__":
    unittest.main()
