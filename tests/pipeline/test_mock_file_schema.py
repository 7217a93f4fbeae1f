"""service/mock-file.schema.json accepts the mock files of pages and examples, and refuses wrong files."""

import json
import re
import unittest
from pathlib import Path

import jsonschema_rs
import yaml

ROOT = Path(__file__).parents[2]
SCHEMA = jsonschema_rs.Draft7Validator(json.loads((ROOT / "service/mock-file.schema.json").read_text()))
WRITTEN = re.compile(r"^\$ echo '([^']*)' > \S+\.yaml$", re.M)
BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.M | re.S)


def mock(response="{code: 200}", more=""):
    return f"- verb: GET\n  path: /a\n  response: {response}\n{more}"


def is_valid(text: str) -> bool:
    return SCHEMA.is_valid(yaml.safe_load(text))


class Schema(unittest.TestCase):
    def test_mock_files_of_pages_and_examples_are_valid(self):
        pages = [(ROOT / page).read_text() for page in ["docs/mock-files.md", "docs/command-line.md"]]
        files = [text for page in pages for text in [*WRITTEN.findall(page), *BLOCK.findall(page)] if "FETCH" not in text]
        files += [file.read_text() for file in (ROOT / "examples").glob("*/mocks.*")]
        self.assertGreater(len(files), 5)
        for text in files:
            with self.subTest(text):
                self.assertTrue(is_valid(text))

    def test_members_of_all_kinds_are_valid(self):
        for text in [
            mock(),
            mock("{code: 200, bodyFile: a/b.html, delay: {median: 200ms, p99: 2s}, template: true}"),
            mock("{code: 200, headers: {Set-Cookie: [a=1, b=2]}, json: [1, {a: null}], fault: truncate}"),
            mock("{code: 200, body: null}", "  priority: -5\n  set: shop\n  when: {body: [{jsonpath: $.a}, {contains: x}]}"),
            "verb: ANY\npath: /{*x}\nresponses: [{code: 503, times: 2}, {code: 200, bodyFile: x}]\nthen: repeat",
        ]:
            with self.subTest(text):
                self.assertTrue(is_valid(text))

    def test_wrong_files_are_refused(self):
        for text in [
            "[]",
            "just a text",
            "- verb: GET\n  path: /a",
            "- path: /a\n  response: {code: 200}",
            mock().replace("GET", "FETCH"),
            mock().replace("/a", "a"),
            mock("{code: 99}"),
            mock("{code: '200'}"),
            mock("{code: 200, body: 1}"),
            mock("{code: 200, bodyfile: x}"),
            mock("{code: 200, bodyFile: 1}"),
            mock("{code: 200, fault: burn}"),
            mock("{code: 200}", "  bodyFile: x"),
            mock("{code: 200}", "  responses: [{code: 200}]"),
            mock("{code: 200}", "  when: {query: {a: {equals: x, contains: y}}}"),
            mock("{code: 200}", "  priority: 1001"),
        ]:
            with self.subTest(text):
                self.assertFalse(is_valid(text))


if __name__ == "__main__":
    unittest.main()
