"""Requests to the service, for everything that it can do: serve, miss, refuse, wait, fail."""

import http.client
import json
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

MOCKS, MANAGEMENT = 8080, 8081
# The load balancer's header, and its trace.
BALANCER = "Self=1-67891234-12456789abcdef0123456789;Root=1-67891233-abcdef012345678912345678"
TRACE = "67891233abcdef012345678912345678"
# More data points than CloudWatch accepts in one request.
POINTS = 2_500


class Client:
    """One connection. A client with another address has its own rate limit."""

    def __init__(self, port, token=None, address="127.0.0.1"):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60, source_address=(address, 0))
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def ask(self, method, path, document=None, **headers):
        body = json.dumps({"data": document}) if document else None
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        kind = {"Content-Type": "application/vnd.api+json"} if document else {}
        self.connection.request(method, path, body, self.headers | kind | headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def expect(self, status, *request, **headers):
        found, body = self.ask(*request, **headers)
        if found != status:
            raise AssertionError(f"{request[:2]} is answered with {found}, not {status}: {body[:500]}")
        return json.loads(body) if body[:1] == b"{" else body


def endpoint(path, code=200, body="hello"):
    return {"type": "endpoints", "attributes": {"verb": "GET", "path": path, "response": {"code": code, "body": body}}}


def everything(token, seconds):
    deadline = time.monotonic() + seconds
    manager = Client(MANAGEMENT, token)
    manager.expect(201, "POST", "/endpoints", endpoint("/failing", 500), X_Amzn_Trace_Id=BALANCER)
    manager.expect(200, "GET", "/endpoints", X_Amzn_Trace_Id=BALANCER)
    with ThreadPoolExecutor() as pool:
        for work in [pool.submit(stories, token, number, deadline) for number in range(3)] + [pool.submit(calls, deadline), pool.submit(on_purpose, token, deadline)]:
            work.result()
    flood = Client(MOCKS, address="127.0.0.2")
    if not any(flood.ask("GET", "/failing")[0] == 429 for _ in range(2_000)):
        raise AssertionError("no request was refused")


def stories(token, number, deadline):
    """Creates, calls, reads, changes, calls and deletes mocks."""
    manager, caller, count = Client(MANAGEMENT, token), Client(MOCKS), 0
    while time.monotonic() < deadline:
        path, count = f"/story/{number}/{count}", count + 1
        identity = manager.expect(201, "POST", "/endpoints", endpoint(path))["data"]["id"]
        caller.expect(200, "GET", path)
        manager.expect(200, "GET", f"/endpoints/{identity}")
        change = {"type": "endpoints", "id": identity, "attributes": {"response": {"body": "changed"}}}
        manager.expect(200, "PATCH", f"/endpoints/{identity}", change)
        if caller.expect(200, "GET", path) != b"changed":
            raise AssertionError("a change is not served")
        manager.expect(204, "DELETE", f"/endpoints/{identity}")
        caller.expect(404, "GET", path)


def calls(deadline):
    caller = Client(MOCKS)
    while time.monotonic() < deadline:
        caller.expect(500, "GET", "/failing")
        caller.expect(404, "GET", "/missing")
        # Below the limit of this client, which it shares with the stories.
        time.sleep(0.02)


def on_purpose(token, deadline):
    """Calls mocks that answer late, or reset the connection."""
    manager = Client(MANAGEMENT, token)
    for path, response in {"/late": {"delay": "1s"}, "/cut": {"fault": "reset"}}.items():
        mock = endpoint(path)
        mock["attributes"]["response"] = {"code": 200} | response
        manager.expect(201, "POST", "/endpoints", mock)
    while time.monotonic() < deadline:
        Client(MOCKS).expect(200, "GET", "/late")
        try:
            raise AssertionError(f"a reset connection has the answer {Client(MOCKS).ask('GET', '/cut')}")
        except (ConnectionError, http.client.HTTPException):
            pass


def without_store(token):
    """Causes 503s: one of management, with an error in the log and in the load balancer's trace, and many of mocks."""
    Client(MANAGEMENT, token).expect(503, "POST", "/endpoints", endpoint("/lost"), X_Amzn_Trace_Id=BALANCER)
    callers = [Client(MOCKS, address="127.0.0.3") for _ in range(10)]
    with ThreadPoolExecutor(len(callers)) as pool:
        for _ in range(3):
            list(pool.map(lambda caller: caller.expect(503, "GET", "/missing"), callers))
            # Wait for the service's next metrics, which count these requests.
            time.sleep(2)


def many_points(collector):
    """Sends many points from another client, because the service has too few series."""
    request = ExportMetricsServiceRequest()
    resource = request.resource_metrics.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "many"
    metric = resource.scope_metrics.add().metrics.add(name="many")
    for number in range(POINTS):
        point = metric.gauge.data_points.add(time_unix_nano=time.time_ns(), as_int=number)
        point.attributes.add(key="number").value.int_value = number
    sent = urllib.request.Request(f"{collector}/v1/metrics", request.SerializeToString(), {"Content-Type": "application/x-protobuf"})
    urllib.request.urlopen(sent, timeout=60).close()
