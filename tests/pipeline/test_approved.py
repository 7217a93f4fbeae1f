"""That scripts/approved passes an environment only where somebody is asked. Run by `scripts/test pipeline`."""

import json
import unittest

from checkout import Scripts


class Approved(Scripts):
    def rules(self, *kinds):
        (self.fakes / "prod").write_text(json.dumps({"name": "prod", "protection_rules": [{"id": 1, "type": kind} for kind in kinds]}))

    def test_passes_where_somebody_is_asked(self):
        self.rules("branch_policy", "required_reviewers")
        self.succeed("approved", "prod")

    def test_fails_where_nobody_is_asked(self):
        # As GitHub makes it by itself, and with other rules.
        for kinds in ([], ["branch_policy", "wait_timer"]):
            self.rules(*kinds)
            self.assertEqual(self.run_script("approved", "prod"), 1, self.output)
            self.assertIn("give GitHub's environment prod required reviewers", self.output)

    def test_fails_where_github_does_not_say(self):
        self.assertEqual(self.run_script("approved", "prod"), 1, self.output)
        (self.fakes / "prod").write_text("{}")
        self.assertEqual(self.run_script("approved", "prod"), 1, self.output)


if __name__ == "__main__":
    unittest.main()
