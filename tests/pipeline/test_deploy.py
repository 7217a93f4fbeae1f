"""scripts/deliver/deploy succeeds, rolls back, or refuses to start. Run by `scripts/test pipeline`."""

import fcntl
import json
import shutil
import unittest

from checkout import IMAGE, Scripts


class Deploy(Scripts):
    def test_deploys_and_runs_the_smoke_test(self):
        self.succeed("deploy", "dev", "good@sha256:1")
        self.assertEqual(self.running(), "good@sha256:1")
        self.assertEqual((self.fakes / "smoke").read_text(), "echo_token http://mocks http://management\n")
        self.succeed("deploy", "dev", "good@sha256:1")

    def test_rolls_back_an_image_that_does_not_start_or_fails_the_smoke_test(self):
        self.succeed("deploy", "dev", "good@sha256:1")
        for image in ("broken@sha256:2", "lazy@sha256:2"):
            self.assertEqual(self.run_script("deploy", "dev", image), 1, self.output)
            self.assertIn("was rolled back: good@sha256:1 serves", self.output)
            self.assertEqual(self.running(), "good@sha256:1")

    def test_a_failed_first_deployment_has_no_rollback(self):
        self.assertEqual(self.run_script("deploy", "dev", "broken@sha256:2"), 1, self.output)
        self.assertIn("there is no earlier image to roll back to", self.output)
        self.assertNotIn("applying again", self.output)

    def test_does_not_roll_back_after_a_refused_plan(self):
        self.succeed("deploy", "dev", "good@sha256:1")
        (self.fakes / "smoke").unlink()
        self.assertEqual(self.run_script("deploy", "dev", "good:tag"), 2, self.output)
        self.assertIn("the plan was refused: nothing was changed in dev", self.output)
        self.assertFalse((self.fakes / "smoke").exists())

    def test_does_not_roll_back_while_somebody_else_holds_the_lock(self):
        self.succeed("deploy", "dev", "good@sha256:1")
        with (self.root / "environments/dev/terraform.tfstate").open("r+") as state:
            fcntl.lockf(state, fcntl.LOCK_EX)
            self.assertEqual(self.run_script("deploy", "dev", "good@sha256:2", TF_CLI_ARGS_plan="-lock-timeout=0s"), 2, self.output)
        self.assertIn("Error acquiring the state lock", self.output)
        self.assertNotIn("applying the previous image", self.output)

    def test_does_not_roll_back_after_a_stale_plan(self):
        self.succeed("deploy", "dev", "good@sha256:1")
        # Somebody else applies between the plan and its apply.
        terraform = shutil.which("terraform")
        self.fake("terraform", f'#!/bin/sh\n[ "$2" != apply ] || {terraform} "$1" apply -auto-approve -var docker_image_url=other@sha256:3 >/dev/null\nexec {terraform} "$@"\n')
        self.assertEqual(self.run_script("deploy", "dev", "good@sha256:2"), 2, self.output)
        self.assertIn("Saved plan is stale", self.output)
        self.assertEqual(self.running(), "other@sha256:3")

    def test_does_not_roll_back_a_newer_deployment_by_somebody_else(self):
        self.succeed("deploy", "dev", "good@sha256:1")
        # Somebody else applies during the smoke test.
        self.write("scripts/smoke", '#!/bin/sh\nterraform -chdir="$(dirname "$0")/../environments/dev" apply -auto-approve -var docker_image_url=other@sha256:3 >/dev/null\nexit 1\n', 0o755)
        self.assertEqual(self.run_script("deploy", "dev", "good@sha256:2"), 1, self.output)
        self.assertIn("somebody else has deployed other@sha256:3 in the meantime", self.output)
        self.assertEqual(self.running(), "other@sha256:3")

    def test_changes_nothing_if_the_running_image_is_unknown(self):
        self.succeed("deploy", "dev", "good@sha256:1")
        self.fake("terraform", f'#!/bin/sh\n[ "$2" != output ] || exit 1\nexec {shutil.which("terraform")} "$@"\n')
        self.assertEqual(self.run_script("deploy", "dev", "good@sha256:2"), 2, self.output)
        self.assertIn("cannot read the running image", self.output)

    def test_changes_nothing_if_management_is_unreachable_or_the_token_is_missing(self):
        (self.fakes / "unreachable").touch()
        self.succeed("deploy", "dev", "good@sha256:1")
        self.assertEqual(self.run_script("deploy", "dev", "good@sha256:2"), 2, self.output)
        for part in ("management_cidrs", "an apply by hand repairs it"):
            self.assertIn(part, self.output)
        self.assertEqual(self.running(), "good@sha256:1")
        # The first deployment asks nothing, because nothing runs yet.
        self.assertEqual([line.split()[-1] for line in (self.fakes / "curl").read_text().splitlines()], ["http://management/-/ready"])
        (self.fakes / "unreachable").unlink()
        (self.fakes / "get-secret-value").write_text("error AccessDeniedException")
        self.assertEqual(self.run_script("deploy", "dev", "good@sha256:2"), 2, self.output)
        self.assertEqual(self.running(), "good@sha256:1")

    def deploy_beside(self, formats, *images):
        """Deploys over an image that knows these formats, while ECS runs tasks of these images. Returns the calls of a raise."""
        (self.fakes / "raise").write_text("".join(json.dumps({"meta": dict(zip(("from", "to", "raised"), it, strict=True))}) + "\n" for it in formats))
        (self.fakes / "describe-services").write_text(" ".join(f"arn:{number}" for number, _ in enumerate(images)))
        (self.fakes / "describe-task-definition").write_text("\n".join(images))
        (self.fakes / "curl").unlink(missing_ok=True)
        self.succeed("deploy", "dev", "good@sha256:2")
        calls = [line.split()[-1] for line in (self.fakes / "curl").read_text().splitlines()]
        return [call.removeprefix("http://management/-/store/raise?") for call in calls if "raise" in call]

    def test_raises_the_store_to_the_format_that_the_previous_image_knows(self):
        self.succeed("deploy", "dev", "good@sha256:1")
        self.assertEqual(self.deploy_beside([(1, 2, False), (1, 2, True)], "good@sha256:2", "good@sha256:1"), ["dry_run=true", "to_format=2"])
        self.assertIn("raised the store of dev from format 1 to format 2", self.output)
        # Again the same image: it is unknown what ran before.
        self.assertEqual(self.deploy_beside([(2, 3, False), (2, 3, True)], "good@sha256:2"), ["dry_run=true"])

    def test_does_not_raise_the_store_for_a_third_image_or_a_previous_image_that_knows_nothing(self):
        for formats, images, words in (
            ([], ["good@sha256:2"], "the previous image did not say which formats it knows: Page `/-/store/raise` does not exist"),
            ([(1, 2, False)], ["good@sha256:2", "older@sha256:0"], "ECS runs tasks of older@sha256:0"),
            ([(1, 2, False)], ["error AccessDenied"], "cannot read from ECS which images run"),
            ([(1, 2, False)], ["good@sha256:2"], "the store keeps its format: Page `/-/store/raise` does not exist (docs/runbook.md"),
        ):
            self.succeed("deploy", "dev", "good@sha256:1")
            self.deploy_beside(formats, *images)
            self.assertIn(words, self.output)
            self.assertEqual(self.running(), "good@sha256:2")

    def test_does_not_raise_the_store_after_a_rollback(self):
        self.succeed("deploy", "dev", "good@sha256:1")
        (self.fakes / "raise").write_text('{"meta": {"from": 1, "to": 2, "raised": false}}\n{"meta": {"from": 1, "to": 2, "raised": true}}\n')
        self.assertEqual(self.run_script("deploy", "dev", "broken@sha256:2"), 1, self.output)
        self.assertNotIn("to_format", (self.fakes / "curl").read_text())

    def test_a_delivery_refuses_an_image_older_than_the_running_one(self):
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

        for of_image, of_running, words in ((older, newer, "is older than the running image"), (newer, 40 * "0", "cannot tell which image is newer"), ("latest", older, "cannot tell which image is newer")):
            answers(of_image, of_running)
            self.assertEqual(self.run_script("deploy", "--newer", "dev", other), 2, self.output)
            self.assertIn(words, self.output)
            self.assertEqual(self.running(), IMAGE)
        # A newer image, and the same image again.
        for of_running in (f"{older}-arm64", f"{older}-arm64-by-hand", newer):
            answers(newer, of_running)
            self.succeed("deploy", "--newer", "dev", other)
        # A deployment by hand may go back.
        answers(older, newer)
        self.succeed("deploy", "dev", IMAGE)


if __name__ == "__main__":
    unittest.main()
