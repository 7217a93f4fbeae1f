"""Files that scripts/deliver/write-tfvars writes. Run by `scripts/test pipeline`."""

import json
import unittest

from checkout import Scripts


class Values(Scripts):
    def test_writes_the_values_of_each_root(self):
        roots = {file.parent.name for file in self.root.glob("environments/*/main.tf")}
        values = dict.fromkeys((f"TFVARS_{root.upper()}" for root in roots), "size = 1") | {"TFVARS_DEV": 'size = 2\nwords = "$a \\"b\\""', "TFVARS_ACCOUNT": "size = 3"}
        self.succeed("write-tfvars", "--all", VARIABLES=json.dumps(values | {"OTHER": "4"}))
        self.assertEqual({file.parent.name for file in self.root.glob("environments/*/terraform.tfvars")}, roots)
        self.assertEqual((self.root / "environments/dev/terraform.tfvars").read_text(), 'size = 2\nwords = "$a \\"b\\""\n')
        self.assertEqual((self.root / "environments/account/terraform.tfvars").read_text(), "size = 3\n")

    def test_refuses_an_empty_variable(self):
        self.assertEqual(self.run_script("write-tfvars", "dev", VARIABLES='{"TFVARS_ACCOUNT": "size = 3"}'), 1)
        self.assertIn("TFVARS_DEV is empty", self.output)


if __name__ == "__main__":
    unittest.main()
