"""What scripts/smoke takes for a working Echo. Run by `scripts/test pipeline`."""

import json
import shutil
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from checkout import ROOT, Scripts


class Smoke(Scripts):
    """The real one, against what answers as Echo does, and as it should not."""

    def setUp(self):
        super().setUp()
        (self.fakes.parent / "bin/curl").unlink()
        shutil.copy(ROOT / "scripts/smoke", self.root / "scripts/smoke")
        mocks = self.mocks = {}
        answers = self.answers = {}

        class Echo(BaseHTTPRequestHandler):
            def do(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                path, _, query = self.path.partition("?")
                if not path.startswith("/endpoints"):
                    mock = next((it for it in mocks.values() if it["path"] == path), None)
                    return self.answer(mock["response"]["code"] if mock else 404, mock["response"]["body"] if mock else "")
                name = path.removeprefix("/endpoints").lstrip("/")
                if self.command == "POST":
                    name = str(len(mocks) + 1)
                    mocks[name] = json.loads(body)["data"]["attributes"]
                elif self.command == "PATCH":
                    mocks[name]["response"] |= json.loads(body)["data"]["attributes"]["response"]
                elif self.command == "DELETE":
                    mocks.pop(name)
                else:
                    found = [key for key, it in mocks.items() if query == f"filter[path]={it['path']}"]
                    return self.answer(200, json.dumps({"data": [{"type": "endpoints", "id": key} for key in found]}, separators=(",", ":")))
                document = {"data": {"type": "endpoints", "id": name}}
                code = {"POST": 201, "PATCH": 200, "DELETE": 204}[self.command]
                return self.answer(answers.get(self.command, code), json.dumps(document, separators=(",", ":")) if code != 204 else "")

            do_GET = do_POST = do_PATCH = do_DELETE = do

            def answer(self, code, body):
                self.send_response(code)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.url = f"http://127.0.0.1:{server.server_port}"

    def test_passes_what_works_and_leaves_nothing(self):
        self.succeed("smoke", self.url, self.url)
        self.assertEqual(self.mocks, {})

    def test_leaves_nothing_where_it_is_cut_off(self):
        # Created, but the answer does not say so; and changed, but the answer says it was not.
        for verb, words in (("POST", "a mock is created"), ("PATCH", "it is changed")):
            self.answers.clear()
            self.answers[verb] = 503
            self.assertEqual(self.run_script("smoke", self.url, self.url), 1, self.output)
            self.assertIn(f"{words}: the answer is 503", self.output)
            self.assertEqual(self.mocks, {})


if __name__ == "__main__":
    unittest.main()
