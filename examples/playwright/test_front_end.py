"""The front end shows the stock that its mocked back end answers."""

import json
import os
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.request import Request, urlopen

from playwright.sync_api import expect, sync_playwright

API = os.environ.get("MOCKS_URL", "http://127.0.0.1:8080")
MOCKS = [{"verb": "GET", "path": "/stock/{product}", "response": {"code": 200, "json": {"left": 3}}}]


def test_the_stock_is_shown():
    body, headers = json.dumps(MOCKS).encode(), {"Content-Type": "application/json"}
    urlopen(Request(f"{API}/-/sets/front-end", body, headers, method="PUT"), timeout=10).close()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=Path(__file__).parent))
    Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        # root, as in a container, needs --no-sandbox.
        browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM"), args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/?api={API}")
        expect(page.locator("#stock")).to_have_text("3 lamps left")
        browser.close()
    server.shutdown()
