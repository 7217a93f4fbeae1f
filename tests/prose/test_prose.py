"""Each rule of the house style finds a planted sentence, and no rule complains about a plain page."""

import pathlib
import subprocess
import tempfile
import unittest

import check

PAGE = """# Mocks

A mock answers calls of its method and path. Echo compares whole paths:

- **Path**: `/orders` and `/orders/` are two paths.
- Set `--store` to keep mocks in a file.
"""


def told(text, name="page.md"):
    return check.complaints({pathlib.Path(name): text})


class Prose(unittest.TestCase):
    def test_a_plain_page_passes(self):
        self.assertEqual(told(PAGE), [])

    def test_each_rule_finds_a_planted_sentence(self):
        long = "The service reads " + ", ".join(["one file"] * 12) + "."
        for sentence, rule in [
            ("A body can not be binary.", "Echo.Terms"),
            ("What has a path is a mock.", "Echo.Headless"),
            ("Mocks are fast. Who calls them waits.", "Echo.Headless"),
            (long, "Echo.Length"),
        ]:
            with self.subTest(sentence):
                (complaint,) = told(f"{PAGE}\n{sentence}\n")
                self.assertIn(rule, complaint)
                self.assertTrue(complaint.startswith("page.md:8:"), complaint)

    def test_code_and_generated_tables_are_not_prose(self):
        self.assertEqual(told(PAGE + "\n```sh\n# this can not be\n```\n\n`can not`\n\n<!-- BEGIN_TF_DOCS -->\nIt can not.\n<!-- END_TF_DOCS -->\n"), [])

    def test_comments_and_descriptions_are_prose_and_code_is_not(self):
        for name, text in [
            ("a.rs", 'let x = "can not";\n/// This can not be.\n'),
            ("a.tf", 'locals { x = "can not" }\ndescription = "This can not be."\n'),
            ("a.py", 'x = "can not"\n# This can not be.\n'),
            ("b.py", 'def f():\n    """This can not be."""\n'),
            ("scripts/a", "echo can not\n# This can not be.\n"),
        ]:
            with self.subTest(name):
                (complaint,) = told(text, name)
                self.assertTrue(complaint.startswith(f"{name}:2:"), complaint)

    def test_pronouns_and_headless_clauses_are_counted(self):
        self.assertEqual(told(PAGE + "The log shows who called and what failed.\n" * 3), [])
        riddles = "The log of it shows which of them it is and what it does to whoever calls it.\n\n" * 12
        first, second = told(riddles)
        self.assertRegex(first, r"page\.md: .* pronouns in 100 words")
        self.assertRegex(second, r"page\.md: .* clauses with what or who")

    def test_a_wide_comment_is_found(self):
        comment = "// A listing has the same order.".ljust(check.WIDTH, ".")
        self.assertEqual(check.wide(pathlib.Path("a.rs"), comment), [])
        self.assertEqual(check.wide(pathlib.Path("a.rs"), f"\n{comment}."), ["a.rs:2: a comment of 121 columns: wrap it at 120"])
        self.assertEqual(check.wide(pathlib.Path("a.rs"), f'let x = "{comment}";'), [])

    def test_markdownlint_finds_a_planted_fault(self):
        with tempfile.TemporaryDirectory() as folder:
            for text, status in [(PAGE, 0), (PAGE.replace("# Mocks\n\n", "# Mocks\n"), 1)]:
                page = pathlib.Path(folder, "page.md")
                page.write_text(text)
                command = ["markdownlint-cli2", "--no-globs", "--config", check.ROOT / "tests/prose/.markdownlint.yaml", "page.md"]
                self.assertEqual(subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode, status)


if __name__ == "__main__":
    unittest.main()
