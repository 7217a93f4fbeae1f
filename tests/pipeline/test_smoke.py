"""scripts/smoke passes a working Echo, and refuses faulty ones. Run by `scripts/test pipeline`."""

import json
import shutil
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from checkout import ROOT, Scripts


class Echo(BaseHTTPRequestHandler):
    """A small Echo, with the `faults` of the server."""

    def do(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        path, _, query = self.path.partition("?")
        if not path.startswith("/endpoints"):
            return self.call(path)
        if self.server.token and self.headers["authorization"] != f"Bearer {self.server.token}":
            return self.answer(401)
        return self.manage(path.removeprefix("/endpoints").lstrip("/"), query, body)

    do_GET = do_POST = do_PATCH = do_DELETE = do

    def manage(self, name, query, body):
        mocks, faults = self.server.mocks, self.server.faults
        code = {"GET": 200, "POST": 201, "PATCH": 200, "DELETE": 204}[self.command]
        if self.command == "GET":
            found = [key for key, it in mocks.items() if query == f"filter[path]={it['path']}"]
            return self.answer(code, json.dumps({"data": [{"type": "endpoints", "id": key} for key in found]}, separators=(",", ":")))
        if self.command == "POST":
            name = str(len(mocks) + 1)
            mocks[name] = json.loads(body)["data"]["attributes"]
        elif self.command == "PATCH":
            mocks[name]["response"] |= faults.get("change", json.loads(body)["data"]["attributes"]["response"])
        elif self.command == "DELETE" and "is not deleted" not in faults:
            mocks.pop(name)
        document = json.dumps({"data": {"type": "endpoints", "id": name}}, separators=(",", ":"))
        return self.answer(faults.get(self.command, code), document if code != 204 else "")

    def call(self, path):
        mock = next((it for it in self.server.mocks.values() if it["path"] == path), None)
        if not mock:
            return self.answer(404)
        body = self.server.faults.get("body", mock["response"]["body"])
        return self.answer(mock["response"]["code"], body, cut="is cut off" in self.server.faults)

    def answer(self, code, body="", cut=False):
        self.send_response(code)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode()[: -1 if cut else None])

    def log_message(self, *_):
        pass


class Smoke(Scripts):
    """The real script, against the small Echo."""

    def setUp(self):
        super().setUp()
        (self.fakes.parent / "bin/curl").unlink()
        shutil.copy(ROOT / "scripts/smoke", self.root / "scripts/smoke")
        self.echo = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
        self.echo.mocks, self.echo.faults, self.echo.token = {}, {}, "echo_token"
        threading.Thread(target=self.echo.serve_forever, daemon=True).start()
        self.addCleanup(self.echo.server_close)
        self.addCleanup(self.echo.shutdown)

    def smoke(self, token="echo_token"):
        url = f"http://127.0.0.1:{self.echo.server_port}"
        return self.run_script("smoke", url, url, SMOKE_TOKEN=token)

    def refuses(self, words, **smoke):
        self.assertEqual(self.smoke(**smoke), 1, self.output)
        self.assertIn(words, self.output)

    def test_passes_a_working_echo_and_leaves_no_mock(self):
        self.assertEqual(self.smoke(), 0, self.output)
        self.assertEqual(self.echo.mocks, {})

    def test_needs_no_token_if_management_is_open(self):
        self.echo.token = None
        self.assertEqual(self.smoke(token=""), 0, self.output)

    def test_refuses_an_echo_that_rejects_the_token(self):
        for token in ("", "another"):
            self.refuses("a mock is created: the answer is 401, not 201", token=token)

    def test_refuses_wrong_responses(self):
        made = "made-" + 2000 * "0"
        for faults, words in (
            ({"body": made[:-1]}, f"it answers: the body is {made[:500]}, not {made}"),
            ({"body": ""}, f"it answers: the body is , not {made}"),
            ({"is cut off": True}, "it answers: no answer"),
            ({"change": {}}, "the change is in its answer: the answer is 200, not 202"),
            ({"change": {"code": 202}}, f"the change is in its answer: the body is {made[:500]}, not changed"),
            ({"is not deleted": True}, "nothing answers in its place: the answer is 202, not 404"),
        ):
            with self.subTest(faults):
                self.echo.mocks.clear()
                self.echo.faults = faults
                self.refuses(words)
                # The script does not delete a mock twice, if the first deletion was acknowledged.
                self.assertEqual(len(self.echo.mocks), "is not deleted" in faults)

    def test_leaves_no_mock_after_a_failed_write(self):
        # The mock was created or changed, but the response says the opposite.
        for verb, words in (("POST", "a mock is created"), ("PATCH", "it is changed")):
            self.echo.faults = {verb: 503}
            self.refuses(f"{words}: the answer is 503")
            self.assertEqual(self.echo.mocks, {})


if __name__ == "__main__":
    unittest.main()
