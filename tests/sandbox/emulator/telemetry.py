"""Accepts the tasks' telemetry at AWS's endpoints, and writes the metrics as tests/telemetry does: a line of JSON for each request.

tests/telemetry checks signatures and limits.
"""

import base64
import json
import os
import ssl
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path

import trustme
import reach
from endpoints import Answers

REGION = os.environ["MINISTACK_REGION"]
SERVICES = ("monitoring", "xray")
HOSTS = [f"{service}.{REGION}.amazonaws.com" for service in SERVICES]
FOLDER = Path(os.environ["SANDBOX_STATE"]) / "telemetry"
# The authority of the endpoints' certificate, and its path in tasks.
AUTHORITY, IN_TASKS = FOLDER / "ca.pem", "/sandbox-ca.pem"
REQUESTS = FOLDER / "requests"


class Endpoint(Answers):
    def do_POST(self):
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers["content-length"]))
        # Traces are accepted and dropped: the sandbox does not show them.
        if headers["host"] == HOSTS[0]:
            with self.server.lock, REQUESTS.open("a") as record:
                print(json.dumps({"path": self.path, "headers": headers, "body": base64.b64encode(body).decode(), "refusals": []}), file=record)
        self.answer(200, "application/x-protobuf", b"")


def start():
    FOLDER.mkdir()
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(AUTHORITY))
    AUTHORITY.chmod(0o644)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*HOSTS).configure_cert(context)
    lock = threading.Lock()
    for service in SERVICES:
        server = ThreadingHTTPServer((reach.address_of(service), 443), Endpoint)
        server.socket, server.lock = context.wrap_socket(server.socket, server_side=True), lock
        threading.Thread(target=server.serve_forever, daemon=True).start()
