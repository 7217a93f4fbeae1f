"""The application: a page that shows a payment of the payment service."""

import json
import os
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.request import urlopen


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        with urlopen(os.environ["PAYMENTS_URL"] + "/payments/1", timeout=10) as answer:
            payment = json.load(answer)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"paid: {payment['amount']} {payment['currency']}\n".encode())


server = HTTPServer(("", int(os.environ.get("PORT", "8000"))), Page)
print(f"serving on port {server.server_port}", flush=True)
server.serve_forever()
