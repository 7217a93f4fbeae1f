"""docs/api.md: each rule has a link to an existing test, each test of the contract is linked, and each error has its status."""

import http
import re
import unittest
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEST = re.compile(r"^#\[(?:tokio::)?test[^\n]*\]\n(?:#\[[^\n]*\]\n)*(?:async )?fn (\w+)", re.M)
USE = re.compile(r"\[test\]\[(\w+)\]")
LINK = re.compile(r'^\[(\w+)\]: \.\./(service/tests/\S+\.rs) "(\w+)"$', re.M)
KIND = re.compile(r'\(StatusCode::(\w+), "(\w+)", "')
ROW = re.compile(r"^\| (\d{3}) \| `(\w+)` \|", re.M)


def tests():
    """The tests of the service, as (file, function)."""
    files = sorted((ROOT / "service/tests").rglob("*.rs"))
    return {(str(file.relative_to(ROOT)), name) for file in files for name in TEST.findall(file.read_text())}


def wrong_links(page, existing):
    used, links = set(USE.findall(page)), LINK.findall(page)
    told = [f"no link is named {name}" for name in used - {label for label, _, _ in links}]
    for label, file, title in links:
        if label not in used:
            told.append(f"nothing uses the link {label}")
        if label != title or (file, label) not in existing:
            told.append(f"{file} has no test {label}")
    contract = {test for test in existing if test[0].startswith("service/tests/contract/")}
    return told + [f"no rule links to {file}: {name}" for file, name in contract - {(file, label) for label, file, _ in links}]


def wrong_errors(page, code):
    status = lambda name: {"PAYLOAD_TOO_LARGE": 413, "UNPROCESSABLE_ENTITY": 422}.get(name) or http.HTTPStatus[name].value
    kinds = {(str(status(name)), word) for name, word in KIND.findall(code)}
    if not kinds:
        return ["the code has no error: this test looks for the wrong words"]
    return [f"{status} {word} is on one side only" for status, word in kinds ^ set(ROW.findall(page))]


class Page(unittest.TestCase):
    def setUp(self):
        self.page = (ROOT / "docs/api.md").read_text()
        self.errors = (ROOT / "service/src/web/problem.rs").read_text()
        self.existing = tests()

    def test_each_rule_links_to_a_test_and_each_test_of_the_contract_is_linked(self):
        self.assertGreater(len(USE.findall(self.page)), 150)
        self.assertEqual(wrong_links(self.page, self.existing), [])

    def test_each_error_is_listed_with_its_status(self):
        self.assertEqual(wrong_errors(self.page, self.errors), [])

    def test_a_planted_fault_is_found(self):
        file, name = "service/tests/contract/races.rs", "of_racing_deletions_exactly_one_succeeds"
        other = "service/tests/contract/show.rs"
        for planted, existing, faults in [
            (self.page, self.existing - {(file, name)}, [f"{file} has no test {name}"]),
            (self.page, self.existing | {(file, "new")}, [f"no rule links to {file}: new"]),
            (self.page.replace(f"[test][{name}]", ""), self.existing, [f"nothing uses the link {name}"]),
            (self.page + "[test][nowhere]", self.existing, ["no link is named nowhere"]),
            (self.page.replace(f"../{file} \"{name}\"", f"../{other} \"{name}\""), self.existing, [f"{other} has no test {name}", f"no rule links to {file}: {name}"]),
        ]:
            with self.subTest(faults):
                self.assertEqual(wrong_links(planted, existing), faults)
        self.assertEqual(len(wrong_errors(self.page.replace("| 409 | `conflict` |", "| 408 | `conflict` |"), self.errors)), 2)
        self.assertEqual(wrong_errors(self.page.replace("| 406 | `not_acceptable` |", "|"), self.errors), ["406 not_acceptable is on one side only"])


if __name__ == "__main__":
    unittest.main()
