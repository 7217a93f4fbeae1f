"""The usage blocks in the READMEs of modules and infra are tested code: each block is part of an example or of a root.

Run by `scripts/test tfdocs`."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCK = r"^\w+(?: \"[\w-]+\")* \{\n.*?^\}\n"


def fault(folder: pathlib.Path, readme: str) -> str | None:
    """The fault of the section `Usage` in a folder's README, or None."""
    section = re.search(r"^## Usage\n(.*?)^## ", readme, re.M | re.S)
    if not section:
        return "no section `## Usage`"
    blocks = [block for code in re.findall(r"^```hcl\n(.*?)^```$", section[1], re.M | re.S) for block in re.findall(BLOCK, code, re.M | re.S)]
    sources = [folder / path for path in re.findall(r"\]\(([\w./-]+/main\.tf)\)", section[1])]
    unnamed = [str(example) for example in sorted(folder.glob("examples/*/main.tf")) if example not in sources]
    if not blocks or not sources or unnamed:
        return f"write a block of Terraform and a link to each example; not linked: {unnamed}"
    # Paths to modules are relative: a README names them as a root would.
    names = {'"../../"': f'"../../modules/{folder.name}"'}
    tested = [re.sub(r'"\.\./\.\./(?:\.\./([\w-]+))?"', lambda path: names.get(path[0], f'"../../modules/{path[1]}"'), source.read_text()) for source in sources]
    for block in blocks:
        if not any(block in text for text in tested):
            return f"not in {', '.join(str(source) for source in sources)}:\n{block}"
    return None


class Usage(unittest.TestCase):
    def test_each_block_is_part_of_a_linked_example(self) -> None:
        folders = [path.parent for path in sorted(ROOT.glob("modules/*/README.md")) + sorted(ROOT.glob("infra/*/README.md"))]
        self.assertEqual(len(folders), len(list(ROOT.glob("modules/*/"))) + len(list(ROOT.glob("infra/*/"))))
        for folder in folders:
            with self.subTest(folder.name):
                self.assertIsNone(fault(folder, (folder / "README.md").read_text()))

    def test_a_readme_that_is_out_of_date_is_found(self) -> None:
        folder = ROOT / "modules/load-balancer"
        readme = (folder / "README.md").read_text()
        self.assertIn("not in", fault(folder, readme.replace("management_port ", "manager_port ")) or "")
        self.assertIn("examples/http/main.tf", fault(folder, readme.replace("(examples/http/main.tf)", "(examples/http)")) or "")
        self.assertIn("no section", fault(folder, readme.replace("## Usage", "## Use")) or "")


if __name__ == "__main__":
    unittest.main()
