"""scripts/test on a machine that cannot run a check, and when it is told to end. Run by `scripts/test pipeline`."""

import subprocess
import time
import unittest

from checkout import Scripts

# Has a sandbox until it is told to end.
RUN = """#!/usr/bin/env bash
trap 'rm "$FAKES/sandbox-$$"; exit 143' TERM
touch "$FAKES/sandbox-$$"
while sleep 0.1; do :; done
"""


class Test(Scripts):
    def test_an_impossible_check_is_a_failure_only_with_strict(self):
        # The advisory database is unreachable.
        self.fake("git", "#!/bin/sh\nexit 1\n")
        self.fake("cargo", "#!/bin/sh\n")
        self.succeed("test", "deny")
        self.assertIn("not checked here: advisories", self.stdout)
        self.assertIn("1 passed, 0 failed", self.stdout)
        self.assertEqual(self.run_script("test", "--strict", "deny"), 1, self.output)
        self.assertIn("failed: advisories", self.stdout)
        self.fake("git", "#!/bin/sh\n")
        self.succeed("test", "--strict", "deny")

    def test_a_run_that_is_told_to_end_leaves_no_sandbox(self):
        self.write("tests/sandbox/run", RUN, 0o755)
        self.write("scripts/deliver/image", "#!/bin/sh\n", 0o755)
        self.write("scripts/sandbox-tools.sh", "containers() { :; }\nemulator() { :; }\n")
        checks = self.root / "scripts/checks/cloud.sh"
        checks.write_text(checks.read_text() + "as_root() { :; }\n")
        running = subprocess.Popen([self.root / "scripts/test", "sandbox"], env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(running.kill)
        self.eventually(3)
        running.terminate()
        running.wait(60)
        self.eventually(0)

    def eventually(self, count):
        deadline = time.monotonic() + 60
        while len(list(self.fakes.glob("sandbox-*"))) != count:
            self.assertLess(time.monotonic(), deadline, f"there are not {count} sandboxes")
            time.sleep(0.1)


if __name__ == "__main__":
    unittest.main()
