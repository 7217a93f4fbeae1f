"""Terraform refuses to destroy a protected environment, and destroys nothing. Uses the real Terraform on modules/protection's example.

Run by `scripts/test roots`."""

import json
import pathlib
import shutil
import subprocess
import tempfile
import unittest

MODULE = pathlib.Path(__file__).resolve().parents[2] / "modules/protection"


class Protection(unittest.TestCase):
    def setUp(self) -> None:
        work = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        shutil.copytree(MODULE, work / "protection", ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
        self.root = work / "protection/examples/one-resource"
        self.terraform("init", "-input=false")

    def terraform(self, *arguments: str, fails: bool = False) -> str:
        done = subprocess.run(["terraform", *arguments, "-no-color"], cwd=self.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(done.returncode != 0, fails, done.stdout)
        return done.stdout

    def resources(self) -> list[str]:
        state = json.loads((self.root / "terraform.tfstate").read_text())
        return [f"{resource.get('module', 'root')}.{resource['name']}" for resource in state["resources"]]

    def test_a_destroy_is_refused_until_protect_false_is_applied(self) -> None:
        everything = ["root.kept", "module.protection.main"]
        self.terraform("apply", "-auto-approve")
        self.assertEqual(self.resources(), everything)
        for written in ("true", "false"):
            with self.subTest(written=written):
                output = self.terraform("destroy", "-auto-approve", f"-var=protect={written}", fails=True)
                self.assertIn("example is protected, and nothing was destroyed: write protect = false, apply, and destroy then.", output)
                self.assertEqual(self.resources(), everything)
        self.terraform("apply", "-auto-approve", "-var=protect=false")
        self.terraform("destroy", "-auto-approve", "-var=protect=false")
        self.assertEqual(self.resources(), [])


if __name__ == "__main__":
    unittest.main()
