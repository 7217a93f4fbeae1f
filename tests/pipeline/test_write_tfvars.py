"""Files that scripts/deliver/write-tfvars writes. Run by `scripts/test pipeline`."""

import json
import re
import subprocess
import unittest

from checkout import ROOT, Scripts


class Values(Scripts):
    def test_writes_the_values_of_each_root(self):
        roots = {file.parent.name for file in self.root.glob("environments/*/main.tf")}
        values = dict.fromkeys((f"TFVARS_{root.upper()}" for root in roots), "size = 1") | {"TFVARS_DEV": 'size = 2\nwords = "$a \\"b\\""', "TFVARS_ACCOUNT": "size = 3"}
        self.succeed("write-tfvars", "--all", VARIABLES=json.dumps(values | {"OTHER": "4"}))
        self.assertEqual({file.parent.name for file in self.root.glob("environments/*/terraform.tfvars")}, roots)
        self.assertEqual((self.root / "environments/dev/terraform.tfvars").read_text(), 'size = 2\nwords = "$a \\"b\\""\n')
        self.assertEqual((self.root / "environments/account/terraform.tfvars").read_text(), "size = 3\n")

    def test_writes_the_values_of_one_root(self):
        self.succeed("write-tfvars", "dev", VALUES="size = 2")
        self.assertEqual({file.parent.name: file.read_text() for file in self.root.glob("environments/*/terraform.tfvars")}, {"dev": "size = 2\n"})

    def test_names_the_variable_of_a_root(self):
        self.write("environments/dev-two/main.tf", "")
        output = self.fakes / "output"
        self.succeed("write-tfvars", "--variable", "dev-two", GITHUB_OUTPUT=str(output))
        self.assertEqual(output.read_text(), "variable=TFVARS_DEV_TWO\n")
        self.succeed("write-tfvars", "--all", VARIABLES=json.dumps(dict.fromkeys(("TFVARS_ACCOUNT", "TFVARS_DEV", "TFVARS_PROD"), "size = 1") | {"TFVARS_DEV_TWO": "size = 2"}))
        self.assertEqual((self.root / "environments/dev-two/terraform.tfvars").read_text(), "size = 2\n")
        # The runbook forms the same name.
        (command,) = re.findall(r"TFVARS_\$\((tr [^<]+)<<<", (ROOT / "docs/runbook.md").read_text())
        self.assertEqual(subprocess.check_output(["sh", "-c", command], input="dev-two", text=True), "DEV_TWO")

    def test_refuses_an_empty_variable(self):
        self.assertEqual(self.run_script("write-tfvars", "--all", VARIABLES='{"TFVARS_ACCOUNT": "size = 3"}'), 1)
        self.assertIn("TFVARS_DEV is empty", self.output)
        self.assertEqual(self.run_script("write-tfvars", "dev", VALUES=""), 1)
        self.assertIn("TFVARS_DEV is empty", self.output)

    def test_refuses_a_value_that_has_moved(self):
        for line in ("alarms = {", "\talarms={ }"):
            self.assertEqual(self.run_script("write-tfvars", "dev", VALUES=f'alarm_emails = ["a@b.c"]\n{line}\n}}'), 1)
            self.assertIn("GitHub's variable TFVARS_DEV has alarms = …, which has moved: write alarm_emails and runbook_url instead", self.output)
            self.assertFalse((self.root / "environments/dev/terraform.tfvars").exists())

    def test_refuses_a_root_that_is_missing(self):
        for arguments in (["nowhere"], ["--variable", "nowhere"]):
            self.assertEqual(self.run_script("write-tfvars", *arguments, VALUES="size = 3"), 1)
            self.assertIn("environments/nowhere does not exist", self.output)

    def test_names_a_missing_setting(self):
        for arguments, name in ((["dev"], "VALUES"), (["--all"], "VARIABLES")):
            self.assertEqual(self.run_script("write-tfvars", *arguments), 1)
            self.assertIn(f"{name}: is missing: set it to", self.output)


if __name__ == "__main__":
    unittest.main()
