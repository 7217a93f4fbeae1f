"""Workflows use existing roles, in jobs that the roles trust, and cover all environments. Run by `scripts/test pipeline`."""

import itertools
import json
import os
import pathlib
import re
import subprocess
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORKFLOWS = {file.stem: yaml.safe_load(file.read_text()) for file in (ROOT / ".github/workflows").glob("*.yml")}
JOBS = [(workflow, name, job) for workflow, document in WORKFLOWS.items() for name, job in document["jobs"].items()]
# Names from modules/github-oidc. The apply role trusts only the environment of its name.
APPLY = "${{ inputs.environment }}"
ROOTS = {file.parent.name for file in ROOT.glob("environments/*/main.tf")}
ENVIRONMENTS = ROOTS - {"account"}


def triggers(workflow):
    # YAML reads `on` as true.
    return set(WORKFLOWS[workflow][True])


def runs():
    """Each step that runs a command, with its place."""
    return [(f"{workflow}: {name}", step) for workflow, name, job in JOBS for step in job.get("steps", []) if "run" in step]


class Workflows(unittest.TestCase):
    def roles(self):
        for workflow, name, job in JOBS:
            for step in job.get("steps", []):
                if role := step.get("with", {}).get("role-to-assume"):
                    # Credentials last an hour unless the step asks for more: they must last as long as the job.
                    self.assertLessEqual(job["timeout-minutes"] * 60, step["with"].get("role-duration-seconds", 3600), f"{workflow}: {name}")
                    self.assertTrue(role.startswith("arn:aws:iam::${{ vars.AWS_ACCOUNT }}:role/github/echo-"), role)
                    yield workflow, name, job, role.partition("/github/echo-")[2]

    def test_jobs_use_only_roles_that_trust_them(self):
        found = set()
        for workflow, name, job, role in self.roles():
            found.add(role)
            where = f"{workflow}: {name}"
            # A job with an environment has another subject, which only the apply role trusts, and only from this file.
            self.assertEqual((job.get("environment"), workflow == "deploy"), (APPLY, True) if role.startswith("apply-") else (None, False), where)
            if role == "push":
                self.assertEqual(WORKFLOWS[workflow][True], {"push": {"branches": ["main"]}}, where)
            if role == "plan" and WORKFLOWS[workflow][True] != {"push": {"branches": ["main"]}}:
                self.assertLessEqual(triggers(workflow), {"pull_request", "schedule", "workflow_dispatch"}, where)
        self.assertEqual(found, {"plan", "push", f"apply-{APPLY}"})

    def test_each_environment_is_deployed_after_the_one_before(self):
        jobs = WORKFLOWS["deliver"]["jobs"]
        deployed = {name: job["with"]["environment"] for name, job in jobs.items() if job.get("uses", "").endswith("/deploy.yml")}
        self.assertEqual(deployed, {name: name for name in ENVIRONMENTS})
        first, *_, last = deployed
        self.assertEqual((jobs[first]["needs"], last), (["test", "account", "image"], "prod"))
        for before, name in itertools.pairwise(deployed):
            self.assertEqual(jobs[name]["needs"], ["image", before])
        self.assertEqual({jobs[name]["with"]["image"] for name in deployed}, {"${{ needs.image.outputs.image }}"})

    def test_only_deliver_lists_the_environments(self):
        listing = {name for name, document in WORKFLOWS.items() if len([it for it in ENVIRONMENTS if re.search(rf"\b{it}\b", yaml.dump(document))]) > 1}
        self.assertEqual(listing, {"deliver"})
        self.assertEqual(WORKFLOWS["deploy"][True]["workflow_dispatch"]["inputs"]["environment"]["type"], "environment")
        values = {where: step for where, step in runs() if re.match("scripts/deliver/write-tfvars (?!--variable)", step["run"])}
        self.assertEqual(set(values), {"deliver: account", "deploy: deploy", "nightly: drift", "pull-request: plan"})
        # A log shows the environment of each step, so a step gets no values of other roots.
        form = {where.partition(":")[0]: step for where, step in runs() if step["run"].startswith("scripts/deliver/write-tfvars --variable ")}
        self.assertEqual(set(form), {"deploy", "nightly"})
        for where, step in values.items():
            workflow = where.partition(":")[0]
            given = {name: value for name, value in step["env"].items() if name in ("VALUES", "VARIABLES")}
            if workflow in form:
                root = re.search(r'"\$(\w+)"', step["run"])[1]
                self.assertEqual((form[workflow]["run"], form[workflow]["env"]), (f'scripts/deliver/write-tfvars --variable "${root}"', {root: step["env"][root]}))
                self.assertEqual(given, {"VALUES": f"${{{{ vars[steps.{form[workflow]['id']}.outputs.variable] }}}}"})
            else:
                self.assertEqual(given, {"deliver": {"VALUES": "${{ vars.TFVARS_ACCOUNT }}"}, "pull-request": {"VARIABLES": "${{ toJSON(vars) }}"}}[workflow])
        self.assertEqual([where for where, step in runs() if "toJSON(vars)" in str(step)], ["pull-request: plan"])

    def test_the_roots_are_the_folders_of_environments(self):
        jobs, output = WORKFLOWS["nightly"]["jobs"], subprocess.check_output([ROOT / "scripts/deliver/list-roots"], text=True)
        self.assertEqual(jobs["drift"]["strategy"]["matrix"]["root"], "${{ fromJSON(needs.roots.outputs.roots) }}")
        self.assertEqual(set(json.loads(output.removeprefix("roots="))), ROOTS)

    def test_a_deployment_checks_approval_and_values_before_it_gets_rights(self):
        (deploy,) = WORKFLOWS["deploy"]["jobs"].values()
        place = lambda script: next(number for number, step in enumerate(deploy["steps"]) if step.get("run", "").startswith(script))
        gets_rights = next(number for number, step in enumerate(deploy["steps"]) if "role-to-assume" in step.get("with", {}))
        # The script itself knows the environments that need no approval.
        for number in (place("scripts/deliver/require-approval"), place('scripts/deliver/write-tfvars "$ENVIRONMENT"')):
            self.assertLess(number, gets_rights)
            self.assertNotIn("if", deploy["steps"][number])

    def test_a_deployment_by_hand_waits_for_no_delivery(self):
        (deploy,) = WORKFLOWS["deploy"]["jobs"].values()
        self.assertEqual(deploy["concurrency"], {"group": "deploy-${{ inputs.environment }}-${{ github.event_name }}", "cancel-in-progress": False})

    def test_a_called_workflow_gets_exactly_its_permissions(self):
        for workflow, name, job in JOBS:
            if called := job.get("uses", "").removeprefix("./.github/workflows/").removesuffix(".yml"):
                (it,) = WORKFLOWS[called]["jobs"].values()
                self.assertEqual(job["permissions"], it["permissions"], f"{workflow}: {name}")

    def test_a_delivery_keeps_its_sbom_even_without_attestations(self):
        steps = WORKFLOWS["deliver"]["jobs"]["image"]["steps"]
        (kept,) = [step for step in steps if step.get("uses", "").startswith("actions/upload-artifact@")]
        made = next(step["run"] for step in steps if step.get("run", "").startswith("scripts/deliver/sbom"))
        self.assertEqual((kept["with"]["path"], kept.get("if")), ("${{ runner.temp }}/sbom.json", None))
        self.assertEqual(made, 'scripts/deliver/sbom "$RUNNER_TEMP/sbom.json"')

    def test_a_failed_job_opens_an_issue(self):
        for workflow in ("deliver", "nightly"):
            jobs = WORKFLOWS[workflow]["jobs"]
            report = jobs["report"]
            self.assertEqual((set(report["needs"]), report["if"]), (set(jobs) - {"report"}, "always()"))
            verbs = [re.search(r"scripts/deliver/sync-issue (\w+)", step["run"])[1] for step in report["steps"] if "run" in step]
            self.assertEqual(verbs, ["open", "close"])
        # A skipped job has not failed.
        self.assertIn("needs.prod.result == 'success'", WORKFLOWS["deliver"]["jobs"]["report"]["steps"][-1]["if"])

    def test_pages_quote_the_titles_of_issues(self):
        delivery, runbook = ((ROOT / "docs" / page).read_text() for page in ("delivery.md", "runbook.md"))
        titles = [WORKFLOWS[workflow]["jobs"]["report"]["env"]["TITLE"] for workflow in ("deliver", "nightly")]
        titles += re.findall(r'^title="(.+?)"', (ROOT / "scripts/deliver/drift").read_text().replace("$1", "…"), re.MULTILINE)
        self.assertEqual([title for title in titles if f"`{title}`" not in runbook], [])
        self.assertEqual(len(titles), 3)
        self.assertIn(titles[0], delivery)

    def test_what_a_person_is_sent_to_read_is_there(self):
        headings = {
            (page.name, re.sub(r"[^\w -]", "", heading).replace(" ", "-").lower())
            for page in (ROOT / "docs").glob("*.md") for heading in re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
        }  # fmt: skip
        files = [file for folder in ("scripts", ".github/workflows") for file in (ROOT / folder).rglob("*") if file.is_file()]
        named = {it for file in files for it in re.findall(r"docs/([\w-]+\.md)#([\w-]+)", file.read_text())}
        self.assertLess({("runbook.md", "a-deployment-that-failed"), ("runbook.md", "a-run-that-failed")}, named)
        self.assertEqual(named - headings, set())

    def test_checks_run_with_pinned_versions(self):
        versions = {step["with"].get("terraform_version") for _, _, job in JOBS for step in job.get("steps", []) if "/setup-terraform@" in step.get("uses", "")}
        self.assertEqual(versions, {"1.11.4"})
        for workflow, name, job in JOBS:
            runs = [step.get("run", "") for step in job.get("steps", [])]
            if any("sudo " in run for run in runs):
                self.assertIn("scripts/tools rust", runs, f"{workflow}: {name}")

    def test_the_region_comes_from_its_file(self):
        for workflow, name, job in JOBS:
            asked = [step for step in job.get("steps", []) if step.get("id") == "region"]
            for step in asked:
                self.assertTrue(step["run"].startswith("scripts/deliver/region"), f"{workflow}: {name}")
            given = [step["with"]["aws-region"] for step in job.get("steps", []) if "aws-region" in step.get("with", {})]
            self.assertEqual(given, ["${{ steps.region.outputs.region }}"] * len(asked), f"{workflow}: {name}")
        self.assertEqual([name for name, document in WORKFLOWS.items() if "AWS_REGION" in yaml.dump(document)], [])
        printed = subprocess.check_output([ROOT / "scripts/deliver/region", "111122223333"], text=True, env={name: value for name, value in os.environ.items() if name != "GITHUB_OUTPUT"})
        region = (ROOT / "environments/region.txt").read_text().strip()
        self.assertEqual(printed, f"region={region}\nregistry=111122223333.dkr.ecr.{region}.amazonaws.com\n")

    def test_forks_get_no_rights(self):
        for workflow, name, job in JOBS:
            self.assertNotIn("pull_request_target", triggers(workflow))
            if "pull_request" in triggers(workflow) and "write" in job["permissions"].values():
                own = "github.event.pull_request.head.repo.full_name == github.repository"
                guarded = [job, *(WORKFLOWS[workflow]["jobs"][need] for need in [job.get("needs")] if need)]
                self.assertTrue(any(own in it.get("if", "") for it in guarded), f"{workflow}: {name}")

    def test_the_job_that_comments_runs_no_code_of_the_pull_request(self):
        writes = [job for _, _, job in JOBS if job["permissions"].get("pull-requests") == "write"]
        self.assertEqual(len(writes), 1)
        for job in writes:
            (checkout,) = (step for step in job["steps"] if "uses" in step)
            self.assertTrue(checkout["uses"].startswith("actions/checkout@"))
            self.assertEqual(checkout["with"], {"persist-credentials": False, "ref": "${{ github.event.pull_request.base.sha }}"})

    def test_steps_run_only_scripts(self):
        scripts = set()
        for where, step in runs():
            # A message to a person about the failure.
            if re.fullmatch(r'echo "::error::[^"`$]*"', step["run"]):
                continue
            script = re.fullmatch(r'(?:sudo env "HOME=\$HOME" "PATH=\$PATH" )?((?:scripts|tests)/[\w/-]+)(?: [^\n;|&`]*)?', step["run"])
            self.assertTrue(script and "$(" not in step["run"], f"{where}: {step['run']}")
            scripts.add(script[1])
        self.assertGreaterEqual(scripts, {"scripts/test", "scripts/deliver/plan", "scripts/deliver/image", "scripts/deliver/sbom", "scripts/deliver/scan", "scripts/deliver/deploy", "scripts/deliver/drift", "tests/sandbox/run"})
        self.assertEqual({script for script in scripts if not os.access(ROOT / script, os.X_OK)}, set())


if __name__ == "__main__":
    unittest.main()
