"""What scripts/deploy does when all goes well, and when it does not. Run by `scripts/test pipeline`."""

import fcntl
import shutil
import unittest

from checkout import IMAGE, Scripts


class Deploy(Scripts):
    def test_deploys_and_asks_what_runs(self):
        self.succeed("deploy", "dev", "good@sha256:1")
        self.assertEqual(self.running(), "good@sha256:1")
        self.assertEqual((self.fakes / "smoke").read_text(), "echo_token http://mocks http://management\n")
        self.succeed("deploy", "dev", "good@sha256:1")

    def test_rolls_back_what_does_not_start_and_what_does_not_work(self):
        self.succeed("deploy", "dev", "good@sha256:1")
        for image in ("broken@sha256:2", "lazy@sha256:2"):
            self.assertEqual(self.run_script("deploy", "dev", image), 1, self.output)
            self.assertIn("was rolled back: good@sha256:1 serves", self.output)
            self.assertEqual(self.running(), "good@sha256:1")

    def test_says_that_there_is_nothing_to_go_back_to(self):
        self.assertEqual(self.run_script("deploy", "dev", "broken@sha256:2"), 1, self.output)
        self.assertIn("nothing ran there before", self.output)
        self.assertNotIn("applying again", self.output)

    def test_does_not_roll_back_where_a_plan_was_refused(self):
        self.succeed("deploy", "dev", "good@sha256:1")
        (self.fakes / "smoke").unlink()
        self.assertEqual(self.run_script("deploy", "dev", "good:tag"), 2, self.output)
        self.assertIn("the plan was refused: nothing was changed in dev", self.output)
        self.assertFalse((self.fakes / "smoke").exists())

    def test_does_not_roll_back_where_another_one_holds_the_lock(self):
        self.succeed("deploy", "dev", "good@sha256:1")
        with (self.root / "environments/dev/terraform.tfstate").open("r+") as state:
            fcntl.lockf(state, fcntl.LOCK_EX)
            self.assertEqual(self.run_script("deploy", "dev", "good@sha256:2", TF_CLI_ARGS_plan="-lock-timeout=0s"), 2, self.output)
        self.assertIn("Error acquiring the state lock", self.output)
        self.assertNotIn("applying again", self.output)

    def test_does_not_roll_back_where_another_one_was_faster(self):
        self.succeed("deploy", "dev", "good@sha256:1")
        # Between the plan and its apply.
        terraform = shutil.which("terraform")
        self.fake("terraform", f'#!/bin/sh\n[ "$2" != apply ] || {terraform} "$1" apply -auto-approve -var docker_image_url=other@sha256:3 >/dev/null\nexec {terraform} "$@"\n')
        self.assertEqual(self.run_script("deploy", "dev", "good@sha256:2"), 2, self.output)
        self.assertIn("Saved plan is stale", self.output)
        self.assertEqual(self.running(), "other@sha256:3")

    def test_does_not_roll_back_what_another_one_has_deployed_meanwhile(self):
        self.succeed("deploy", "dev", "good@sha256:1")
        # While what runs is asked.
        self.write("scripts/smoke", '#!/bin/sh\nterraform -chdir="$(dirname "$0")/../environments/dev" apply -auto-approve -var docker_image_url=other@sha256:3 >/dev/null\nexit 1\n', 0o755)
        self.assertEqual(self.run_script("deploy", "dev", "good@sha256:2"), 1, self.output)
        self.assertIn("somebody else has deployed other@sha256:3 meanwhile", self.output)
        self.assertEqual(self.running(), "other@sha256:3")

    def test_does_not_begin_where_what_runs_is_not_known(self):
        self.succeed("deploy", "dev", "good@sha256:1")
        self.fake("terraform", f'#!/bin/sh\n[ "$2" != output ] || exit 1\nexec {shutil.which("terraform")} "$@"\n')
        self.assertEqual(self.run_script("deploy", "dev", "good@sha256:2"), 2, self.output)
        self.assertIn("what runs could not be found out", self.output)

    def test_changes_nothing_where_it_could_not_ask_afterwards(self):
        (self.fakes / "unreachable").touch()
        self.succeed("deploy", "dev", "good@sha256:1")
        self.assertEqual(self.run_script("deploy", "dev", "good@sha256:2"), 2, self.output)
        for part in ("management_cidrs", "an apply by hand mends it"):
            self.assertIn(part, self.output)
        self.assertEqual(self.running(), "good@sha256:1")
        # Nothing ran there before the first one, and so nothing was asked.
        self.assertEqual([line.split()[-1] for line in (self.fakes / "curl").read_text().splitlines()], ["http://management/-/ready"])
        (self.fakes / "unreachable").unlink()
        (self.fakes / "get-secret-value").write_text("error AccessDeniedException")
        self.assertEqual(self.run_script("deploy", "dev", "good@sha256:2"), 2, self.output)
        self.assertEqual(self.running(), "good@sha256:1")

    def test_does_not_let_an_older_delivery_overtake_a_newer_one(self):
        self.git("init", "--quiet")
        commits = []
        for message in ("older", "newer"):
            self.git("commit", "--quiet", "--allow-empty", "--message", message)
            commits.append(self.git("rev-parse", "HEAD"))
        older, newer = commits
        other = IMAGE.replace("aaa", "bbb")
        self.succeed("deploy", "--newer", "dev", IMAGE)

        def answers(of_image, of_running):
            (self.fakes / "describe-images").write_text(f"{of_image}\n{of_running}")

        for of_image, of_running, words in ((older, newer, "is older than what runs"), (newer, 40 * "0", "could not be found out"), ("latest", older, "could not be found out")):
            answers(of_image, of_running)
            self.assertEqual(self.run_script("deploy", "--newer", "dev", other), 2, self.output)
            self.assertIn(words, self.output)
            self.assertEqual(self.running(), IMAGE)
        # What is newer, and the same once more.
        for of_running in (f"{older}-arm64", f"{older}-arm64-by-hand", newer):
            answers(newer, of_running)
            self.succeed("deploy", "--newer", "dev", other)
        # By hand it is how to go back.
        answers(older, newer)
        self.succeed("deploy", "dev", IMAGE)


if __name__ == "__main__":
    unittest.main()
