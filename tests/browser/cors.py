"""Pages of other origins call the mocks of a running Echo with --mock-cors, by the rules of Debian's Chromium.

    echo-python tests/browser/cors.py --url http://127.0.0.1:PORT [--listed PORT]

--listed: the only allowed origin is http://127.0.0.1:PORT, where this test serves a page. Without it, Echo allows any origin.
"""

import argparse
import json
import sys
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urljoin
from urllib.request import Request, urlopen

from docs_page import CHROMIUM, CHROMIUM_ARGS, expect
from playwright.sync_api import Browser, Error, sync_playwright

FETCH = """async ({url, options}) => {
  try {
    const answer = await fetch(url, options);
    return {status: answer.status, text: await answer.text(), total: answer.headers.get("x-total")};
  } catch (error) {
    return {refused: String(error)};
  }
}"""
MOCK = {"verb": "PUT", "path": "/cart/{id}", "response": {"code": 201, "headers": {"X-Total": "5"}, "json": {"id": 1}}}
# The browser sends a preflight for the method, and for both fields.
PUT = {"method": "PUT", "headers": {"Content-Type": "application/json", "Authorization": "Bearer x"}, "body": "{}"}
SERVED = {"status": 201, "text": '{"id":1}', "total": "5"}


class EmptyPage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


def fetch_from(browser: Browser, port: int, url: str, options: dict[str, Any]) -> dict[str, Any]:
    """The outcome of `fetch` in a page on a port of its own. Port 0 is a free port."""
    server = ThreadingHTTPServer(("127.0.0.1", port), EmptyPage)
    Thread(target=server.serve_forever, daemon=True).start()
    # A new context has no cached preflights.
    context = browser.new_context()
    try:
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        return page.evaluate(FETCH, {"url": url, "options": options})
    finally:
        context.close()
        server.shutdown()
        server.server_close()


def walk(browser: Browser, url: str, listed: int | None) -> None:
    headers = {"Content-Type": "application/json"}
    urlopen(Request(urljoin(url, "/endpoints"), json.dumps(MOCK).encode(), headers), timeout=10).close()
    fetch = partial(fetch_from, browser, listed or 0)

    served = fetch(urljoin(url, "/cart/5"), PUT)
    expect(served == SERVED, f"a page of an allowed origin got {served}, not {SERVED}")
    missed = fetch(urljoin(url, "/nothing"), {})
    expect(missed.get("status") == 404 and "`/nothing`" in missed["text"], f"a page cannot read a 404: {missed}")
    managed = fetch(urljoin(url, "/endpoints"), {})
    expect("refused" in managed, f"a page of another origin can call management: {managed}")

    credentials = fetch(urljoin(url, "/cart/5"), {**PUT, "credentials": "include"})
    if listed:
        expect(credentials == SERVED, f"a page of a listed origin cannot send credentials: {credentials}")
        foreign = fetch_from(browser, 0, urljoin(url, "/cart/5"), PUT)
        expect("refused" in foreign, f"a page of an unlisted origin can call a mock: {foreign}")
    else:
        expect("refused" in credentials, f"a page of any origin can send credentials: {credentials}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Calls mocks of a running Echo from pages of other origins.")
    parser.add_argument("--url", required=True, help="where mocks and management are, on 127.0.0.1")
    parser.add_argument("--listed", type=int, metavar="PORT", help="the port of the only allowed origin")
    options = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        try:
            walk(browser, options.url, options.listed)
        except (AssertionError, Error) as error:
            sys.exit(f"cors: {error}")
        finally:
            browser.close()
    print(f"cors: {'a listed origin' if options.listed else 'any origin'} may call mocks, and no origin management")


if __name__ == "__main__":
    main()
