"""AWS as a task's collector sees it: endpoints for telemetry, credentials, and metadata of the task.

The endpoints check requests and respond like AWS, and record each request as one line of JSON.
"""

import base64
import gzip
import hashlib
import json
import re
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import trustme
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

REGION = "eu-central-1"
# A task's address for credentials and metadata; ECS sets both paths in the environment.
LINK_LOCAL = "169.254.170.2"
CREDENTIALS = {"AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "secret", "Token": "token", "Expiration": "2099-01-01T00:00:00Z"}
TASK = "arn:aws:ecs:eu-central-1:111122223333:task/echo-test/0123456789abcdef0123456789abcdef"
ABOUT_TASK = {
    "/v2/credentials": CREDENTIALS,
    "/v4/collector": {
        "DockerId": "0123456789abcdef",
        "ContainerARN": TASK.replace(":task/", ":container/"),
        "LogDriver": "awslogs",
        "LogOptions": {},
    },
    "/v4/collector/task": {
        "Cluster": "echo-test",
        "TaskARN": TASK,
        "Family": "echo-test-echo",
        "Revision": "1",
        "LaunchType": "FARGATE",
        "AvailabilityZone": "eu-central-1a",
        "Containers": [],
    },
}
ENVIRONMENT = {
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials",
    "ECS_CONTAINER_METADATA_URI_V4": f"http://{LINK_LOCAL}/v4/collector",
}
# By host: path, service in the signature, document, and the limits of items and bytes in a request (AWS: "OTLP
# Endpoints").
ENDPOINTS = {
    f"monitoring.{REGION}.amazonaws.com": ("/v1/metrics", "monitoring", ExportMetricsServiceRequest, 1_000, 1_000_000),
    f"xray.{REGION}.amazonaws.com": ("/v1/traces", "xray", ExportTraceServiceRequest, 10_000, 5_000_000),
}


def items(document):
    """The data points of metrics, or the spans."""
    if isinstance(document, ExportTraceServiceRequest):
        return [span for resource in document.resource_spans for scope in resource.scope_spans for span in scope.spans]
    metrics = [metric for resource in document.resource_metrics for scope in resource.scope_metrics for metric in scope.metrics]
    return [point for metric in metrics for point in getattr(metric, metric.WhichOneof("data")).data_points]


def plain(headers, body):
    """A request's body, decompressed."""
    return gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body


def refusals(path, headers, body):
    """Reasons for which AWS would refuse a request. Names of headers are in lower case."""
    endpoint = ENDPOINTS.get(headers.get("host"))
    if not endpoint or endpoint[0] != path:
        return [f"nothing is at {headers.get('host')}{path}"]
    _, service, document, most, largest = endpoint
    sent = plain(headers, body)
    count = len(items(document.FromString(sent)))
    wrong = [f"{count} are more than {most}"] if count > most else []
    wrong += [f"{len(sent)} bytes are more than {largest}"] if len(sent) > largest else []
    return wrong + signature(service, path, headers, body)


def signature(service, path, headers, body):
    """Faults of a signature, compared with a new signature of the same headers and body by AWS's own library."""
    form = r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})"
    found = re.fullmatch(form, headers.get("authorization", ""))
    if not found:
        return [f"Authorization is {headers.get('authorization')!r}"]
    key, date, region, name, signed, given = found.groups()
    signed = signed.split(";")
    if (key, region, name) != (CREDENTIALS["AccessKeyId"], REGION, service):
        return [f"it is signed by {key} for {name} in {region}"]
    if missing := {"host", "x-amz-date", "x-amz-security-token"} - set(signed):
        return [f"{missing} are not signed"]
    if "x-amz-content-sha256" in signed and headers["x-amz-content-sha256"] != hashlib.sha256(body).hexdigest():
        return ["the body is another"]
    if headers["x-amz-security-token"] != CREDENTIALS["Token"] or not headers["x-amz-date"].startswith(date):
        return ["token or date are others"]
    signer = SigV4Auth(Credentials(CREDENTIALS["AccessKeyId"], CREDENTIALS["SecretAccessKey"]), service, region)
    request = AWSRequest("POST", f"https://{headers['host']}{path}", {header: headers[header] for header in signed}, body)
    request.context["timestamp"] = headers["x-amz-date"]
    made = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    return [] if made == given else ["the signature is another"]


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class AboutTask(Answers):
    def do_GET(self):
        known = self.path in ABOUT_TASK
        self.answer(200 if known else 404, "application/json", json.dumps(ABOUT_TASK.get(self.path)).encode())


class Telemetry(Answers):
    def do_POST(self):
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers["content-length"]))
        wrong = refusals(self.path, headers, body)
        line = {"path": self.path, "headers": headers, "body": base64.b64encode(body).decode(), "refusals": wrong}
        with self.server.lock, self.server.record.open("a") as record:
            print(json.dumps(line), file=record)
        self.answer(403 if wrong else 200, "application/x-protobuf", b"")


def serve(folder):
    """Starts all servers, and writes the authority of their certificate to `ca.pem`."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*ENDPOINTS).configure_cert(context)
    telemetry = ThreadingHTTPServer(("127.0.0.1", 443), Telemetry)
    telemetry.socket = context.wrap_socket(telemetry.socket, server_side=True)
    telemetry.record, telemetry.lock = folder / "requests", threading.Lock()
    for server in (telemetry, ThreadingHTTPServer((LINK_LOCAL, 80), AboutTask)):
        threading.Thread(target=server.serve_forever, daemon=True).start()
