"""CONTRIBUTING.md names existing files and tests, all checks and all scripts. All decisions are listed. Links have targets."""

import re
import unittest
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(path for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md", ".github/**/*.md", "modules/*/README.md", "infra/*/README.md", "tests/*/README.md") for path in ROOT.glob(pattern))
FILE = re.compile(r"`((?:service|modules|infra|environments|tests|scripts|docs|bench|\.github)/[\w./-]*)`")
LINK = re.compile(r"(?<!`)\[[^\]]+\](?:\(|: )(?!https?://|mailto:)([^)\s#]*)(?:#([\w-]+))?")


def prose(page):
    """A page without its blocks of code and its code spans."""
    return re.sub(r"`[^`\n]*`", "code", re.sub(r"^```.*?^```$", "", page, flags=re.S | re.M))


def anchors(page):
    """The anchors of headings on GitHub, and anchors in HTML."""
    plain = re.sub(r"^```.*?^```$", "", page, flags=re.S | re.M)
    headings = re.findall(r"^#+ (.+)$", plain, re.M)
    return {re.sub(r"[^\w -]", "", heading).strip().replace(" ", "-").lower() for heading in headings} | set(re.findall(r'<a (?:id|name)="([^"]+)"', page))


def missing_files(page):
    return [name for name in FILE.findall(page) if not (ROOT / name).exists()]


def missing_programs(path, page):
    """Names of Python files without a folder, which are below the folder of the README."""
    there = {file.name for file in path.parent.rglob("*.py")}
    return [f"{path.parent.name}: {name}" for name in re.findall(r"`(\w+\.py)`", page) if name not in there]


def missing_checks(page):
    """Checks of scripts/test without a row, and rows without a check."""
    lists = re.findall(r"^(?:all|quick)=\((.*)\)$", (ROOT / "scripts/test").read_text(), re.M)
    table = page.split("## The checks")[1].split("\n## ")[0]
    return set(" ".join(lists).split()) ^ {name for row in re.findall(r"^\| (`.*?) \|", table, re.M) for name in re.findall(r"`(\w+)`", row)}


def missing_scripts(page):
    table = page.split("## Scripts")[1].split("\n## ")[0]
    named = set(re.findall(r"`(scripts/[\w./-]+)`", "".join(row.split("|")[1] for row in table.splitlines() if row.startswith("| `"))))
    return named ^ {str(file.relative_to(ROOT)) for file in (ROOT / "scripts").rglob("*") if file.is_file() and file.parent.name != "checks"}


def missing_tests(page):
    """Parts of test names in commands without such a test."""
    functions = " ".join(re.findall(r"fn (\w+)", "".join(file.read_text() for file in (ROOT / "service/tests").rglob("*.rs"))))
    named = re.findall(r"cargo nextest run (\w+)`", page)
    return [name for name in named if name not in functions] if named else ["no command runs a test"]


def unlisted_decisions(index):
    """Records that are not listed by number and title, or lack one of the three headings."""
    told = []
    for number, file in enumerate(sorted((ROOT / "docs/decisions").glob("0*.md")), 1):
        title, text = file.read_text().split("\n", 1)
        if f"| {number} | [{title.removeprefix(f'# {number}. ')}]({file.name}) |" not in index or not file.name.startswith(f"{number:04}-"):
            told.append(file.name)
        elif re.findall(r"^## (.+)$", text, re.M) != ["Context", "Decision", "Consequences"]:
            told.append(f"{file.name}: its headings")
    return told


def broken_links(path, page):
    told = []
    for target, anchor in LINK.findall(prose(page)):
        file = (path.parent / target).resolve() if target else path
        if not file.exists():
            told.append(f"{path.name}: {target} does not exist")
        elif anchor and file.suffix == ".md" and anchor not in anchors(page if file == path else file.read_text()):
            told.append(f"{path.name}: {target} has no #{anchor}")
    return told


class Pages(unittest.TestCase):
    def setUp(self):
        self.page = (ROOT / "CONTRIBUTING.md").read_text()
        self.decisions = (ROOT / "docs/decisions/README.md").read_text()

    def test_contributing_names_what_is_there(self):
        self.assertGreater(len(FILE.findall(self.page)), 50)
        self.assertEqual(missing_files(self.page), [])
        self.assertEqual(missing_checks(self.page), set())
        self.assertEqual(missing_scripts(self.page), set())
        self.assertEqual(missing_tests(self.page), [])

    def test_readmes_of_tests_name_what_is_there(self):
        self.assertEqual([told for path in ROOT.glob("tests/*/README.md") for told in missing_programs(path, path.read_text())], [])

    def test_each_decision_is_listed(self):
        self.assertEqual(unlisted_decisions(self.decisions), [])

    def test_links_lead_somewhere(self):
        self.assertGreater(len(PAGES), 40)
        self.assertEqual([told for path in PAGES for told in broken_links(path, path.read_text())], [])

    def test_a_planted_fault_is_found(self):
        self.assertEqual(missing_files(self.page + "`service/src/nowhere.rs`"), ["service/src/nowhere.rs"])
        self.assertEqual(missing_checks(self.page.replace("| `clippy` |", "| `klippy` |")), {"clippy", "klippy"})
        self.assertEqual(missing_scripts(self.page.replace("| `scripts/smoke` |", "| smoke |")), {"scripts/smoke"})
        self.assertEqual(missing_tests(self.page + "`cargo nextest run a_test_that_is_nowhere`"), ["a_test_that_is_nowhere"])
        self.assertEqual(unlisted_decisions(self.decisions.replace("| 11 |", "| 13 |")), ["0011-http-1-1-only.md"])
        telemetry = ROOT / "tests/telemetry/README.md"
        self.assertEqual(missing_programs(telemetry, telemetry.read_text() + "`test_nowhere.py`"), ["telemetry: test_nowhere.py"])
        readme = ROOT / "README.md"
        for planted, told in [
            ("[a](docs/nowhere.md)", "README.md: docs/nowhere.md does not exist"),
            ("[a](docs/settings.md#nowhere)", "README.md: docs/settings.md has no #nowhere"),
            ("[a](#nowhere)", "README.md:  has no #nowhere"),
            ("[a]: docs/nowhere.md", "README.md: docs/nowhere.md does not exist"),
        ]:
            with self.subTest(planted):
                self.assertEqual(broken_links(readme, readme.read_text() + planted), [told])


if __name__ == "__main__":
    unittest.main()
