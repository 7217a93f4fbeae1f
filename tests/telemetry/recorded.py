"""Reads the records of record.py: requests to AWS with their series and spans, and the lines of the service's log."""

import base64
import json
import subprocess
from collections import defaultdict
from functools import cached_property

from endpoints import ENDPOINTS, items, plain


class Request:
    def __init__(self, line):
        told = json.loads(line)
        self.path, self.headers, self.refusals = told["path"], told["headers"], told["refusals"]
        self.body = base64.b64decode(told["body"])

    @cached_property
    def document(self):
        return ENDPOINTS[self.headers["host"]][2].FromString(plain(self.headers, self.body))


def attributes(of):
    return {it.key: str(getattr(it.value, it.value.WhichOneof("value"))) for it in of}


def labels(resource, scope, name, point):
    """Labels by CloudWatch's names ("PromQL querying"): attributes of resource and scope have a prefix, those of a point do not."""
    found = {"__name__": name, "@instrumentation.@name": scope.name}
    found |= {f"@resource.{key}": value for key, value in attributes(resource.attributes).items()}
    return found | attributes(point.attributes)


def value(point):
    """A point in echo-promql's format."""
    at = {"T": point.time_unix_nano // 1_000_000}
    if hasattr(point, "bucket_counts"):
        return at | {"Sum": point.sum, "Bounds": list(point.explicit_bounds), "Counts": list(point.bucket_counts)}
    return at | {"Value": float(getattr(point, point.WhichOneof("value")))}


def series_of(requests):
    """Series in echo-promql's format."""
    found = defaultdict(list)
    for request in requests:
        for resource in getattr(request.document, "resource_metrics", []):
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    for point in getattr(metric, metric.WhichOneof("data")).data_points:
                        name = tuple(sorted(labels(resource.resource, scope.scope, metric.name, point).items()))
                        found[name].append(value(point))
    return [{"Labels": dict(name), "Points": sorted(points, key=lambda point: point["T"])} for name, points in found.items()]


def answers(queries, series):
    """The results of Prometheus's engine: a list of samples, {"Labels", "Value"}, for each query, {"query", "at"}."""
    return json.loads(subprocess.check_output("echo-promql", input=json.dumps({"series": series, "queries": queries}).encode()))


class Recorded:
    def __init__(self, folder):
        self.requests = [Request(line) for line in (folder / "requests").open()]
        self.log = [json.loads(line) for line in (folder / "service.log").open()]
        self.collector_log = (folder / "collector.log").read_text()

    @cached_property
    def series(self):
        return series_of(self.requests)

    @cached_property
    def end(self):
        """Time of the service's last metrics."""
        return max(series["Points"][-1]["T"] for series in self.series if series["Labels"]["__name__"] == "echo.endpoints")

    @cached_property
    def spans(self):
        return [span for request in self.requests if hasattr(request.document, "resource_spans") for span in items(request.document)]

    @cached_property
    def log_fields(self):
        """All fields of the log, including nested ones, by their names in Logs Insights."""

        def fields(of, prefix=""):
            for name, it in of.items():
                yield prefix + name
                if isinstance(it, dict):
                    yield from fields(it, f"{prefix}{name}.")

        return {field for line in self.log for field in fields(line)}

    def ask(self, queries, at=None, series=None):
        """The results of queries by id, by default at the end."""
        asked = {id: {"query": query, "at": self.end if at is None else at} for id, query in queries.items()}
        return answers(asked, self.series if series is None else series)
