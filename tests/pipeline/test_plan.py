"""The output of scripts/deliver/plan and scripts/deliver/drift, and the differences that they ignore. Run by `scripts/test pipeline`."""

import json
import shutil
import unittest

from checkout import Scripts


class Plan(Scripts):
    def test_plans_each_root_even_if_another_one_fails(self):
        self.succeed("deploy", "dev", "good@sha256:1")
        self.write("environments/account/main.tf", "no Terraform\n")
        self.assertEqual(self.run_script("plan", "account", "prod", "dev"), 1, self.output)
        for part in ("**environments/account** could not be planned", "**environments/prod** was never applied", "**environments/dev**: nothing to change"):
            self.assertIn(part, self.stdout)

    def test_exit_code_says_if_the_plan_has_changes(self):
        self.succeed("deploy", "dev", "good@sha256:1")
        self.succeed("plan", "dev")
        self.succeed("plan", "dev", "prod")
        for roots in (["dev"], ["dev", "prod"]):
            self.assertEqual(self.run_script("plan", *roots, TF_VAR_docker_image_url="good@sha256:2"), 2, self.output)
            self.assertIn("- destroy and make `terraform_data.service`", self.stdout)
            self.assertIn("| **together** |", self.stdout)

    def test_plans_a_first_apply_with_the_image_in_terraform_tfvars(self):
        self.write("environments/dev/terraform.tfvars", 'docker_image_url = "good@sha256:1"\n')
        self.assertEqual(self.run_script("plan", "dev"), 2, self.output)
        self.assertIn("- make `terraform_data.service`", self.stdout)

    def test_refuses_a_value_that_has_moved(self):
        self.write("environments/dev/terraform.tfvars", 'docker_image_url = "good@sha256:1"\nalarms = {}\n')
        self.assertEqual(self.run_script("plan", "dev"), 1, self.output)
        self.assertIn("environments/dev/terraform.tfvars has alarms = …, which has moved: write alarm_emails", self.output)
        # Nothing was deployed.
        self.assertEqual(self.run_script("deploy", "dev", "good@sha256:1"), 2, self.output)

    def test_large_plans_of_four_roots_fit_into_one_comment(self):
        many = 'resource "terraform_data" "ä" {\n  for_each = toset([for number in range(200) : "ä-${number}"])\n  input    = each.key\n}\n'
        self.write("environments/dev/main.tf", 'variable "docker_image_url" {}\n' + many)
        self.assertEqual(self.run_script("plan", "dev", TF_VAR_docker_image_url="good@sha256:1"), 2, self.output)
        self.assertLess(len(self.stdout), 65536 / 4)
        # Cut at the end of a line, with closed Markdown blocks.
        lines = self.stdout.splitlines()
        self.assertEqual([lines[number - 1] for number, line in enumerate(lines) if line == "… and so on."][0][:25], "- make `terraform_data.ä[")
        self.assertEqual((lines.count("… and so on."), lines[-4:]), (2, ["… and so on.", "```", "</details>", ""]))

    def test_finds_the_roots_that_have_changed(self):
        self.git("init")
        self.git("add", ".")
        self.git("commit", "--message", "before")
        self.succeed("plan", "--changed-since", "HEAD")
        self.assertIn("Nothing that Terraform reads has changed", self.stdout)
        self.write("environments/prod/variables.tf", "# changed\n")
        self.git("add", "environments/prod")
        self.git("commit", "--message", "after")
        self.succeed("plan", "--changed-since", "HEAD~1")
        self.assertIn("environments/prod", self.stdout)
        self.assertNotIn("environments/dev", self.stdout)

    def test_finds_the_roots_that_call_a_changed_module(self):
        calls = {
            "environments/account": ["../../infra/account"],
            "environments/dev": ["../../infra/echo"],
            "environments/prod": ["../../infra/echo"],
            "infra/account": ["../../modules/state", "../../modules/both"],
            "infra/echo": ["../../modules/outer", "../../modules/both"],
            "modules/outer": ["../inner"],
        }
        for folder, sources in calls.items():
            self.write(f"{folder}/main.tf", "".join(f'module "call_{number}" {{\n  source = "{source}"\n}}\n' for number, source in enumerate(sources)))
        self.git("init")
        self.git("add", ".")
        self.git("commit", "--message", "before")
        # Records the planned folder.
        self.fake("terraform", '#!/bin/sh\necho "$1" >>"$FAKES/planned"\nexit 1\n')
        planned = self.fakes / "planned"
        account, environments = ["account"], ["dev", "prod"]
        for changed, roots in {
            "environments/prod/main.tf": ["prod"],
            "infra/account/main.tf": account,
            "infra/echo/main.tf": environments,
            "modules/state/main.tf": account,
            "modules/state/policy.json": account,
            "modules/outer/main.tf": environments,
            "modules/inner/main.tf": environments,
            "modules/both/main.tf": account + environments,
            "environments/region.txt": account + environments,
            "modules/of-nobody/main.tf": [],
            "modules/both/README.md": [],
            "modules/both/tests/both.tftest.hcl": [],
            "modules/both/examples/one/main.tf": [],
            "docs/deploying.md": [],
            # The account has a role for each environment.
            "environments/staging/main.tf": ["account", "staging"],
            "environments/staging/more/main.tf": ["staging"],
        }.items():
            with self.subTest(changed):
                planned.write_text("")
                file = self.root / changed
                self.write(changed, (file.read_text() if file.exists() else "") + "# changed\n")
                self.git("add", changed)
                self.git("commit", "--message", "after")
                self.run_script("plan", "--changed-since", "HEAD~1")
                self.assertEqual([line.rpartition("/")[2] for line in planned.read_text().splitlines()], roots, self.output)
        planned.write_text("")
        self.git("rm", "-r", "--quiet", "environments/staging")
        self.git("commit", "--message", "removed")
        self.run_script("plan", "--changed-since", "HEAD~1")
        self.assertEqual([line.rpartition("/")[2] for line in planned.read_text().splitlines()], account, self.output)
        self.assertEqual(self.run_script("plan", "--changed-since", 40 * "0"), 1, self.output)
        self.assertIn("does not exist here", self.output)


# Terraform's built-in resources never drift, so this wrapper of Terraform adds drift to a plan, and changes nothing
# else.
TERRAFORM = """#!/usr/bin/env python3
import json, os, subprocess, sys
if sys.argv[2:4] != ["show", "-json"]:
    os.execv("{terraform}", sys.argv)
plan = json.loads(subprocess.check_output(["{terraform}", *sys.argv[1:]]))
plan["resource_drift"] = [{{"address": "{address}", "change": {{"before": {{"{attribute}": 1}}, "after": {{"{attribute}": 2}}}}}}]
plan |= json.loads(os.environ.get("PLANNED", "{{}}"))
print(json.dumps(plan))
"""


# End of a plan with a deleted resource that the provider cannot read (drills.py has a real one).
UNREADABLE = """
Warning: AWS resource not found during refresh

  with aws_vpc_security_group_egress_rule.it["a"],
  on main.tf line 1, in resource "aws_vpc_security_group_egress_rule" "it":

Error: Missing Resource Identity After Read

  with aws_vpc_security_group_egress_rule.it["a"],
  on main.tf line 1, in resource "aws_vpc_security_group_egress_rule" "it":
"""


class Drift(Scripts):
    def setUp(self):
        super().setUp()
        self.terraform = shutil.which("terraform")
        self.drifts("terraform_data.service", "input")

    def drifts(self, address, attribute):
        self.fake("terraform", TERRAFORM.format(terraform=self.terraform, address=address, attribute=attribute))

    def issues(self):
        file = self.fakes / "issues.json"
        return json.loads(file.read_text()) if file.exists() else []

    def test_keeps_one_issue_open_during_drift(self):
        self.succeed("deploy", "dev", "good@sha256:1")
        self.succeed("drift", "dev")
        self.assertEqual(self.issues(), [])
        self.applied_by_hand(2)
        self.succeed("drift", "dev")
        (issue,) = self.issues()
        self.assertEqual((issue["title"], issue["state"]), ("environments/dev has drifted", "open"))
        self.assertIn("- change `terraform_data.service`", issue["body"])
        self.applied_by_hand(3)
        self.succeed("drift", "dev")
        (issue,) = self.issues()
        self.assertIn("3 -> 1", issue["body"])
        self.applied_by_hand(1)
        self.succeed("drift", "dev")
        (issue,) = self.issues()
        self.assertEqual((issue["state"], issue["comment"]), ("closed", "The difference is gone."))
        self.applied_by_hand(2)
        self.succeed("drift", "dev")
        self.assertEqual([issue["state"] for issue in self.issues()], ["closed", "open"])

    def test_ignores_undelivered_merges_and_values_that_others_may_change(self):
        self.succeed("deploy", "dev", "good@sha256:1")
        self.applied_by_hand(2)
        for drift in (("terraform_data.another", "input"), ("terraform_data.service", "triggers_replace")):
            self.drifts(*drift)
            self.succeed("drift", "dev")
            self.assertEqual(self.issues(), [])
        # scripts/deliver/plan without --drift has the difference nevertheless.
        self.assertEqual(self.run_script("plan", "dev"), 2, self.output)

    def test_ignores_limits_that_a_schedule_has_set(self):
        self.succeed("deploy", "dev", "good@sha256:1")
        service, target = "service/echo-dev/echo", "module.autoscaling.aws_appautoscaling_target.main"
        of = lambda least, most, resource=service: {"resource_id": resource, "min_capacity": least, "max_capacity": most}
        night = {
            "mode": "managed",
            "type": "aws_appautoscaling_scheduled_action",
            "values": {"resource_id": service, "scalable_target_action": [{"min_capacity": "0", "max_capacity": "1"}]},
        }
        for what, now, has_drifted in (
            ("night", of(0, 1), False),
            ("by hand", of(0, 2), True),
            ("another service's", of(0, 1, "service/echo-dev/other"), True),
            ("more than that", of(0, 1) | {"role_arn": "another"}, True),
        ):
            with self.subTest(what):
                change = {"before": of(2, 4, now["resource_id"]), "after": now}
                planned = {
                    "resource_drift": [{"address": target, "change": change}],
                    "resource_changes": [{"address": target, "change": {"before": now, "after": change["before"], "actions": ["update"]}}],
                    "prior_state": {"values": {"root_module": {"child_modules": [{"resources": [night]}]}}},
                }
                # A real change, so that the plan is not empty.
                self.applied_by_hand(2)
                status = self.run_script("plan", "--drift", "dev", PLANNED=json.dumps(planned))
                self.assertEqual(status, 2 if has_drifted else 0, self.output)

    def test_leaves_the_issues_of_other_roots_alone(self):
        (self.fakes / "issues.json").write_text(json.dumps([{"number": 1, "title": "environments/dev-two has drifted", "body": "theirs", "state": "open"}]))
        self.succeed("deploy", "dev", "good@sha256:1")
        self.succeed("drift", "dev")
        self.applied_by_hand(2)
        self.succeed("drift", "dev")
        theirs, ours = self.issues()
        self.assertEqual((theirs["body"], theirs["state"], ours["number"]), ("theirs", "open", 2))

    def test_lists_deleted_resources_that_terraform_cannot_plan(self):
        self.succeed("deploy", "dev", "good@sha256:1")
        ends_with = lambda words: self.fake("terraform", f"#!/bin/sh\n[ \"$2\" = plan ] || exec {self.terraform} \"$@\"\nprintf '%s' '{words}'\nexit 1\n")
        ends_with(UNREADABLE)
        self.succeed("drift", "dev")
        (issue,) = self.issues()
        self.assertIn('deleted, and cannot be planned until Terraform forgets them (docs/runbook.md#drift):\n\n- make `aws_vpc_security_group_egress_rule.it["a"]`\n', issue["body"])
        # With another error in the plan, the changes are unknown.
        ends_with(UNREADABLE + "\nError: Something else\n")
        self.assertEqual(self.run_script("drift", "dev"), 1, self.output)

    def test_leaves_the_issue_open_if_the_plan_fails(self):
        self.succeed("deploy", "dev", "good@sha256:1")
        self.applied_by_hand(2)
        self.succeed("drift", "dev")
        self.write("environments/dev/more.tf", "no Terraform\n")
        self.assertEqual(self.run_script("drift", "dev"), 1, self.output)
        self.assertEqual([issue["state"] for issue in self.issues()], ["open"])


if __name__ == "__main__":
    unittest.main()
