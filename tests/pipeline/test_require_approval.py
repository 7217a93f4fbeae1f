"""scripts/deliver/require-approval passes only an environment with required reviewers. Run by `scripts/test pipeline`."""

import json
import unittest

from checkout import Scripts


class Approved(Scripts):
    def setUp(self):
        super().setUp()
        self.write("environments/prod/main.tf", 'module "echo" {\n  waf     = { enabled = true }\n  protect = true\n}\n')

    def rules(self, *kinds):
        (self.fakes / "prod").write_text(json.dumps({"name": "prod", "protection_rules": [{"id": 1, "type": kind} for kind in kinds]}))

    def test_passes_an_environment_with_required_reviewers(self):
        self.rules("branch_policy", "required_reviewers")
        self.succeed("require-approval", "prod")

    def test_fails_without_required_reviewers(self):
        # Without rules, as GitHub creates a missing environment, and with other rules only.
        for kinds in ([], ["branch_policy", "wait_timer"]):
            self.rules(*kinds)
            self.assertEqual(self.run_script("require-approval", "prod"), 1, self.output)
            self.assertIn("deployments to prod need no approval: give GitHub's environment prod required reviewers", self.output)

    def test_asks_for_each_protected_environment_and_no_other(self):
        self.rules("branch_policy")
        for protect, status, words in (("false", 0, "not protected"), ("true", 1, "need no approval"), ("var.protect", 1, "does not say once"), ("false\n  protect = true", 1, "does not say once")):
            self.write("environments/prod/main.tf", f'module "echo" {{\n  protect   = {protect}\n}}\n')
            self.assertEqual(self.run_script("require-approval", "prod"), status, self.output)
            self.assertIn(words, self.output)
        self.assertEqual(self.run_script("require-approval", "github-pages"), 1, self.output)
        self.assertIn("environments/github-pages does not exist", self.output)

    def test_fails_if_github_returns_no_rules(self):
        self.assertEqual(self.run_script("require-approval", "prod"), 1, self.output)
        (self.fakes / "prod").write_text("{}")
        self.assertEqual(self.run_script("require-approval", "prod"), 1, self.output)


if __name__ == "__main__":
    unittest.main()
