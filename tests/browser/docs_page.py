"""A person's way through the documentation page of a running Echo: authorise, create, call, change and delete a mock.

Drives Debian's Chromium, which can reach no host but Echo's. Fails at the first fault that a person would notice: a wrong
response, an error in the console, or a request to the internet.

    echo-python tests/browser/docs_page.py --url http://127.0.0.1:PORT [--mocks URL] [--key TOKEN | --locked]
        [--screenshots DIR] [--picture FILE]
"""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urljoin, urlsplit
from urllib.request import Request, urlopen

from playwright.sync_api import Browser, ConsoleMessage, Error, Locator, sync_playwright
from playwright.sync_api import Request as PageRequest

CHROMIUM = "/usr/bin/chromium"
# No sandbox, because root runs this in containers. The other flags keep the browser's own traffic off the network.
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]


def expect(condition: bool, message: str) -> None:
    """An assertion with a message for a person. `python -O` does not switch it off."""
    if not condition:
        raise AssertionError(message)


class DocsPage:
    """The documentation page in a browser. Records all faults of the page."""

    def __init__(self, browser: Browser, url: str, screenshots: Path | None) -> None:
        self.host = urlsplit(url).netloc
        self.screenshots = screenshots
        self.shots = 0
        self.complaints: list[str] = []
        # The browser reports a 4xx response as a console error, even if it is expected.
        self.refusals: set[str] = set()

        context = browser.new_context(viewport={"width": 1280, "height": 1600}, service_workers="block")
        context.set_default_timeout(30_000)
        context.on("request", self.note_foreign_request)
        context.route(self.is_foreign, lambda route: route.abort())
        self.page = context.new_page()
        self.page.on("websocket", lambda socket: self.complaints.append(f"the page opens a web socket to {socket.url}"))
        self.page.on("pageerror", lambda error: self.complaints.append(f"an error in the page: {error}"))
        self.page.on("console", self.note_console_error)

    def open(self, url: str) -> None:
        answer = self.page.goto(urljoin(url, "/-/docs"))
        expect(answer is not None and answer.ok, f"GET /-/docs answered {answer and answer.status}, not 200")
        self.page.locator(".opblock").first.wait_for()
        self.shoot("top")

    def is_foreign(self, address: str) -> bool:
        parts = urlsplit(address)
        return parts.scheme not in ("data", "blob") and parts.netloc != self.host

    def note_foreign_request(self, request: PageRequest) -> None:
        if self.is_foreign(request.url):
            self.complaints.append(f"the page asks another host: {request.url}")

    def note_console_error(self, message: ConsoleMessage) -> None:
        wanted = message.text.startswith("Failed to load resource") and message.location["url"] in self.refusals
        if message.type == "error" and not wanted:
            self.complaints.append(f"an error in the console: {message.text} ({message.location['url']})")

    def shoot(self, name: str, part: Locator | None = None) -> None:
        """Takes a screenshot, scrolled to a part of the page."""
        if self.screenshots:
            self.shots += 1
            if part:
                part.evaluate("element => element.scrollIntoView()")
            self.page.screenshot(path=self.screenshots / f"{self.shots}-{name}.png")

    def authorize(self, key: str) -> None:
        self.page.locator(".auth-wrapper .authorize").first.click()
        dialog = self.page.locator(".modal-ux")
        dialog.locator("input").first.fill(key)
        dialog.locator("button.authorize").first.click()
        dialog.get_by_text("Logout", exact=True).wait_for()
        self.shoot("authorised")
        dialog.locator("button.btn-done").first.click()

    def expect_no_form_for_keys(self) -> None:
        for part in (".auth-wrapper .authorize", ".authorization__btn"):
            expect(self.page.locator(part).count() == 0, f"the page shows {part}, but takes no key")

    def operation(self, verb: str, path: str) -> "Operation":
        block = self.page.locator(f".opblock-{verb.lower()}").filter(has=self.page.locator(f'[data-path="{path}"]'))
        expect(block.count() == 1, f"the page shows {block.count()} operations {verb} {path}, not 1")
        block.locator(".opblock-summary-control").click()
        block.locator(".try-out__btn").click()
        return Operation(self, block, f"{verb} {path}")


class Operation:
    """One operation of the page, expanded for input."""

    def __init__(self, docs: DocsPage, block: Locator, name: str) -> None:
        self.docs, self.block, self.name = docs, block, name

    def parameter(self, name: str) -> Locator:
        return self.block.locator(f'tr[data-param-name="{name}"] input')

    def execute(self, status: int, refused: str | None = None) -> str:
        """Presses Execute, and returns the body of the response, which the page must show with this status.

        `refused` is the address with an expected error."""
        if refused:
            self.docs.refusals.add(refused)
        with self.docs.page.expect_response(lambda _: True) as caught:
            self.block.locator("button.execute").click()
        answer = caught.value
        body = "" if answer.status == 204 or answer.request.method == "HEAD" else answer.text()
        said = f"{self.name} answered {answer.status} {body}"
        expect(answer.status == status, f"{said}, not {status}")

        shown = self.block.locator(".live-responses-table tbody .response").first
        shown.locator(".response-col_status", has_text=str(status)).wait_for()
        # The page formats JSON, so the comparison ignores white space.
        seen = squeeze(shown.locator(".response-col_description").inner_text())
        expect(squeeze(body) in seen, f"{said}; the page shows another body: {seen}")
        self.docs.shoot(re.sub(r"\W+", "-", self.name.lower()).strip("-") + f"-{status}", self.block)
        expect(not self.docs.complaints, f"{self.name} works, but the browser complains")
        return body


    def draw(self, file: Path) -> None:
        """Writes a picture of the operation up to the body of its response."""
        self.block.evaluate("element => element.scrollIntoView()")
        top, bottom = self.block.bounding_box(), self.block.locator(".live-responses-table .highlight-code").first.bounding_box()
        expect(top is not None and bottom is not None, "the operation shows no response")
        clip = {"x": 0, "y": top["y"], "width": 1280, "height": bottom["y"] + bottom["height"] - top["y"] + 8}
        self.docs.page.screenshot(path=file, clip=clip)


def squeeze(text: str) -> str:
    """The text without white space."""
    return "".join(text.split())


def call(verb: str, url: str) -> tuple[int, dict[str, str], str]:
    """Calls a mock like an application: plain HTTP, no browser."""
    try:
        answer = urlopen(Request(url, method=verb), timeout=10)
    except HTTPError as error:
        answer = error
    with answer:
        return answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read().decode()


def expect_served(url: str, document: str) -> None:
    """Expects the exact response in the endpoint `document`."""
    endpoint = json.loads(document)
    verb, wanted = endpoint["verb"], endpoint["response"]
    status, headers, body = call(verb, url)
    said = f"{verb} {url} answered {status} {headers} {body}"
    expect(status == wanted["code"], f"{said}, not {wanted['code']}")
    expect(body == wanted.get("body", ""), f"{said}, not the body {wanted.get('body')}")
    for name, value in wanted.get("headers", {}).items():
        expect(headers.get(name.lower()) == value, f"{said}, without the header {name}: {value}")


def walk(docs: DocsPage, url: str, mocks: str, key: str | None, picture: Path | None) -> None:
    """The whole walk. Uses the page's examples unchanged: they must work."""
    if mocks == url:
        expect_first_page(docs, url)
    docs.open(url)
    if key:
        docs.authorize(key)
    else:
        docs.expect_no_form_for_keys()

    create = docs.operation("POST", "/endpoints")
    created = create.execute(201)
    if picture:
        create.draw(picture)
    endpoint = json.loads(created)
    mock_url = urljoin(mocks, endpoint["path"])
    expect_served(mock_url, created)
    if mocks == url:
        call_mocks(docs, url, create, endpoint)

    change = docs.operation("PATCH", "/endpoints/{id}")
    change.parameter("id").fill(endpoint["id"])
    changed = change.execute(200)
    expect(json.loads(changed) != endpoint, "PATCH's example changes nothing in what POST's example makes")
    expect_served(mock_url, changed)

    delete = docs.operation("DELETE", "/endpoints/{id}")
    delete.parameter("id").fill(endpoint["id"])
    delete.execute(204)

    missing = f"Requested page `{urlsplit(mock_url).path}` does not exist"
    detail = json.loads(call("GET", mock_url)[2])["errors"][0]["detail"]
    expect(detail == missing, f"after the deletion the mock says {detail}, not {missing}")


def expect_first_page(docs: DocsPage, url: str) -> None:
    """Expects a page at `/`, before a mock is there, that leads to the documentation page."""
    docs.refusals.add(urljoin(url, "/"))
    answer = docs.page.goto(urljoin(url, "/"))
    expect(answer is not None and answer.status == 404, f"GET / answered {answer and answer.status}, not 404")
    shown = docs.page.locator("pre").first
    expect(f"curl {url.rstrip('/')}/endpoints " in shown.inner_text(), f"the first command is {shown.inner_text()}")
    expect(shown.evaluate("e => getComputedStyle(e).whiteSpace") == "pre-wrap", "the style of the page has no effect")
    docs.shoot("first-page")
    docs.page.get_by_role("link", name="Documentation", exact=True).click()
    docs.page.wait_for_url(urljoin(url, "/-/docs"))


def call_mocks(docs: DocsPage, url: str, create: "Operation", endpoint: dict[str, Any]) -> None:
    """Calls mocks from the page: the example's, and others with every verb and every form of path."""
    mock = docs.operation("GET", "/{path}")
    example = mock.parameter("path").input_value()
    expect(f"/{example}" == endpoint["path"], f"the example of GET /{{path}} is {example}, not POST's example")
    served = mock.execute(endpoint["response"]["code"])
    wanted = endpoint["response"].get("body", "")
    expect(served == wanted, f"the page got {served} from the mock, not {wanted}")

    for verb, path, typed in [
        ("GET", "/api/v1/users", "api/v1/users"),
        ("GET", "/api/v2/users/", "/api/v2/users/"),
        ("GET", "/a%2Fb", "/a%2Fb"),
        ("GET", "/caf%C3%A9//x", "café//x"),
        ("GET", "/", "/"),
        ("HEAD", "/api/v1/users", "api/v1/users"),
        ("OPTIONS", "/api/v1/users", "/api/v1/users"),
    ]:
        # With a type, because Playwright reads no body of a response without one.
        response = {"code": 299, "headers": {"Content-Type": "text/plain"}, "body": "" if verb == "HEAD" else path}
        document = {"verb": verb, "path": path, "response": response}
        create.block.locator("textarea").first.fill(json.dumps(document))
        create.execute(201)
        other = mock if verb == "GET" else docs.operation(verb, "/{path}")
        other.parameter("path").fill(typed)
        served = other.execute(299)
        expect(served == response["body"], f"{verb} of {typed} got {served} from the page, not {response['body']}")

    mock.parameter("path").fill("no/such/mock")
    mock.execute(404, refused=urljoin(url, "/no/such/mock"))


def look(docs: DocsPage, url: str) -> None:
    """The page on the mocks' listener while management needs keys: shows no form for keys, and the reason."""
    docs.open(url)
    docs.expect_no_form_for_keys()
    notice = docs.page.locator(".info .description", has_text="This page takes no key")
    expect("--management-listen" in notice.inner_text(), "the page does not say where keys can be used")
    docs.operation("GET", "/endpoints").execute(401, refused=urljoin(url, "/endpoints"))


def main() -> None:
    parser = argparse.ArgumentParser(description="Walks through the documentation page of a running Echo.")
    parser.add_argument("--url", required=True, help="where management is, on 127.0.0.1; Echo holds no mock yet")
    parser.add_argument("--mocks", metavar="URL", help="where mocks are, if not there too")
    keys = parser.add_mutually_exclusive_group()
    keys.add_argument("--key", help="an API key with both scopes, when management wants one and the page takes it")
    keys.add_argument("--locked", action="store_true", help="management wants keys, and the page may not take one")
    parser.add_argument("--screenshots", type=Path, metavar="DIR", help="where to leave pictures of each step")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="where to leave the picture for the README")
    options = parser.parse_args()
    if options.screenshots:
        options.screenshots.mkdir(parents=True, exist_ok=True)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        docs = DocsPage(browser, options.url, options.screenshots)
        try:
            if options.locked:
                look(docs, options.url)
            else:
                walk(docs, options.url, options.mocks or options.url, options.key, options.picture)
        except (AssertionError, Error) as error:
            docs.shoot("failure")
            sys.exit("docs_page: " + "; ".join([str(error), *docs.complaints]))
        finally:
            browser.close()
    done = "asked for no key" if options.locked else "created, called, changed and deleted mocks"
    print(f"docs_page: {done}; no console error, no foreign request")


if __name__ == "__main__":
    main()
