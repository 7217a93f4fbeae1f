"""scripts/test on a machine that cannot run a check, and when it is told to end. Run by `scripts/test pipeline`."""

import shutil
import subprocess
import time
import unittest

from checkout import ROOT, Scripts

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


class Others(Scripts):
    def others(self, *words):
        """The output of tests/sandbox/run --others, which calls a fake proof with the names of environments."""
        (self.root / "tests/sandbox").mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "tests/sandbox/run", self.root / "tests/sandbox/run")
        tools = self.root / "scripts/sandbox-tools.sh"
        tools.write_text((ROOT / "scripts/sandbox-tools.sh").read_text() + "containers() { :; }\nemulator() { echo \"$FAKES\"; }\n")
        self.write("scripts/deliver/image", "#!/bin/sh\necho image\n", 0o755)
        (self.fakes / "bin").mkdir(exist_ok=True)
        (self.fakes / "bin/python").write_text('#!/bin/sh\nshift 3\necho "$@"\n')
        (self.fakes / "bin/python").chmod(0o755)
        done = subprocess.run([self.root / "tests/sandbox/run", "--short", "--others"], env=self.env, capture_output=True, text=True, check=False)
        self.output = done.stdout + done.stderr
        return done.returncode, done.stdout.strip()

    def protect(self, **values):
        for name, value in values.items():
            self.write(f"environments/{name}/main.tf", f'module "echo" {{\n  protect   = {value}\n}}\n')

    def test_protected_environments_come_last(self):
        self.protect(account="true", dev="false", prod="true", alpha="true", test="false")
        (self.root / "environments/of-nobody").mkdir()
        self.assertEqual(self.others(), (0, "test alpha prod"), self.output)
        self.protect(test="true")
        self.assertEqual(self.others(), (0, "alpha prod test"), self.output)

    def test_dev_may_be_the_only_environment(self):
        shutil.rmtree(self.root / "environments/prod")
        self.assertEqual(self.others(), (0, "0 passed, 0 failed"), self.output)
        self.assertIn("dev is the only environment", self.output)

    def test_refuses_an_environment_with_unclear_protection(self):
        self.protect(prod="var.protect")
        self.assertEqual(self.others(), (1, ""), self.output)
        self.assertIn("environments/prod/main.tf does not say once if the environment is protected", self.output)


if __name__ == "__main__":
    unittest.main()
