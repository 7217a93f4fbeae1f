"""What scripts/test makes of what can not be checked. Run by `scripts/test pipeline`."""

import unittest

from checkout import Scripts


class Test(Scripts):
    def test_fails_for_what_can_not_be_checked_only_if_told_so(self):
        # The advisory database is out of reach.
        self.fake("git", "#!/bin/sh\nexit 1\n")
        self.fake("cargo", "#!/bin/sh\n")
        self.succeed("test", "deny")
        self.assertIn("not checked here: advisories", self.stdout)
        self.assertIn("1 passed, 0 failed", self.stdout)
        self.assertEqual(self.run_script("test", "--strict", "deny"), 1, self.output)
        self.assertIn("failed: advisories", self.stdout)
        self.fake("git", "#!/bin/sh\n")
        self.succeed("test", "--strict", "deny")


if __name__ == "__main__":
    unittest.main()
