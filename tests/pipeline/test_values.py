"""Files that scripts/values writes. Run by `scripts/test pipeline`."""

import unittest

from checkout import Scripts


class Values(Scripts):
    def test_writes_the_values_of_each_root(self):
        self.succeed("values", "dev", "account", TFVARS_DEV='size = 2\nwords = "$a \\"b\\""', TFVARS_ACCOUNT="size = 3")
        self.assertEqual((self.root / "environments/dev/terraform.tfvars").read_text(), 'size = 2\nwords = "$a \\"b\\""\n')
        self.assertEqual((self.root / "environments/account/terraform.tfvars").read_text(), "size = 3\n")

    def test_refuses_an_empty_variable(self):
        self.assertEqual(self.run_script("values", "dev", TFVARS_DEV=""), 1)
        self.assertIn("TFVARS_DEV is empty", self.output)


if __name__ == "__main__":
    unittest.main()
