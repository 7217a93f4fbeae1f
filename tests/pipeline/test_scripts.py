"""What the pipeline's scripts do when all goes well, and when it does not. Run by `scripts/test pipeline`.

They run as they are, in a copy of the checkout whose environments are roots of a few lines, which the real Terraform applies. In the
place of GitHub, AWS and Echo are commands that remember what they were asked. The sandbox runs scripts/plan and scripts/deploy on the
real roots (tests/sandbox/proof.py).
"""

import fcntl
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ROOT = pathlib.Path(__file__).resolve().parents[2]

ENVIRONMENT = """
variable "docker_image_url" {
  type = string
  validation {
    condition     = strcontains(var.docker_image_url, "@sha256:")
    error_message = "An image without a digest."
  }
}
variable "size" { default = 1 }
# The rollout: it fails for an image that is called so.
resource "terraform_data" "service" {
  input = [var.docker_image_url, var.size]
  triggers_replace = var.docker_image_url
  provisioner "local-exec" { command = "! echo '${var.docker_image_url}' | grep -q ^broken" }
}
output "echo" {
  value = {
    docker_image_url = var.docker_image_url
    mocks_url        = "http://mocks"
    management_url   = "http://management"
    key_secret_arns  = { ci = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:ci" }
  }
  depends_on = [terraform_data.service]
}
"""

# Gives the answers that a test has put into files, by the name of what is asked for; several lines are one answer each.
AWS = """#!/usr/bin/env python3
import os, pathlib, sys
asked = sys.argv[2]
if "--image-id" in sys.argv:
    asked += sys.argv[sys.argv.index("--image-id") + 1].removeprefix("imageTag").replace("=", "-")
file = pathlib.Path(os.environ["FAKES"], asked)
answer, _, rest = file.read_text().partition("\\n")
if rest:
    file.write_text(rest)
if answer.startswith("error "):
    sys.exit(answer)
print(answer)
"""

# Works unless the image is called lazy.
SMOKE = """#!/bin/sh
echo "$SMOKE_TOKEN $*" >>"$FAKES/smoke"
! grep -q '"docker_image_url": "lazy' "$(dirname "$0")/../environments/dev/terraform.tfstate"
"""

IMAGE = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/echo-service@sha256:" + 64 * "a"


class Scripts(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name) / "checkout"
        self.fakes = pathlib.Path(folder.name) / "fakes"
        shutil.copytree(ROOT / "scripts", self.root / "scripts")
        for name in ("dev", "prod", "account"):
            self.write(f"environments/{name}/main.tf", ENVIRONMENT if name != "account" else 'resource "terraform_data" "it" {}\n')
        self.fakes.mkdir()
        (self.fakes.parent / "bin").mkdir()
        shutil.copy(ROOT / "tests/pipeline/gh", self.fakes.parent / "bin")
        self.fake("aws", AWS)
        (self.fakes / "get-secret-value").write_text("echo_token")
        # What is needed is here.
        self.write("scripts/tools", "#!/bin/sh\n", 0o755)
        self.write("scripts/smoke", SMOKE, 0o755)
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "AWS_", "GITHUB_"))}
        self.env |= {"ECHO_TOOLS": folder.name, "FAKES": str(self.fakes), "ISSUES": str(self.fakes / "issues.json"), "CHECKPOINT_DISABLE": "1", "SCAN_PAUSE": "0"}

    def write(self, path, text, mode=0o644):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    def fake(self, name, text):
        file = self.fakes.parent / "bin" / name
        file.write_text(text)
        file.chmod(0o755)

    def run_script(self, name, *arguments, **env):
        done = subprocess.run(
            [self.root / "scripts" / name, *arguments], env=self.env | env, cwd=self.root, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )
        self.output = done.stdout + done.stderr
        self.stdout = done.stdout
        return done.returncode

    def succeed(self, *arguments, **env):
        self.assertEqual(self.run_script(*arguments, **env), 0, self.output)

    def running(self):
        outputs = subprocess.check_output(["terraform", "-chdir=" + str(self.root / "environments/dev"), "output", "-json"], env=self.env)
        return json.loads(outputs).get("echo", {}).get("value", {}).get("docker_image_url")

    def applied_by_hand(self, size):
        """Somebody changes what runs: what is merged says another size then."""
        self.write("environments/dev/terraform.tfvars", f"size = {size}\n")
        terraform = ["terraform", "-chdir=" + str(self.root / "environments/dev")]
        subprocess.run([*terraform, "apply", "-auto-approve", "-var", f"docker_image_url={self.running()}"], env=self.env, check=True, capture_output=True)
        (self.root / "environments/dev/terraform.tfvars").unlink()


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

    def test_does_not_begin_where_what_runs_is_not_known(self):
        self.succeed("deploy", "dev", "good@sha256:1")
        self.fake("terraform", f'#!/bin/sh\n[ "$2" != output ] || exit 1\nexec {shutil.which("terraform")} "$@"\n')
        self.assertEqual(self.run_script("deploy", "dev", "good@sha256:2"), 2, self.output)
        self.assertIn("what runs could not be found out", self.output)


class Plan(Scripts):
    def test_tells_each_root_whatever_becomes_of_the_others(self):
        self.succeed("deploy", "dev", "good@sha256:1")
        self.write("environments/account/main.tf", "no Terraform\n")
        self.assertEqual(self.run_script("plan", "account", "prod", "dev"), 1, self.output)
        for part in ("**environments/account** could not be planned", "**environments/prod** was never applied", "**environments/dev**: nothing to change"):
            self.assertIn(part, self.stdout)

    def test_tells_by_its_exit_code_whether_something_would_change(self):
        self.succeed("deploy", "dev", "good@sha256:1")
        self.succeed("plan", "dev")
        self.succeed("plan", "dev", "prod")
        for roots in (["dev"], ["dev", "prod"]):
            self.assertEqual(self.run_script("plan", *roots, TF_VAR_docker_image_url="good@sha256:2"), 2, self.output)
            self.assertIn("- destroy and make `terraform_data.service`", self.stdout)
            self.assertIn("| **together** |", self.stdout)

    def test_plans_a_first_apply_for_an_image_that_is_named(self):
        self.write("environments/dev/terraform.tfvars", 'docker_image_url = "good@sha256:1"\n')
        self.assertEqual(self.run_script("plan", "dev"), 2, self.output)
        self.assertIn("- make `terraform_data.service`", self.stdout)

    def test_finds_the_roots_that_have_changed(self):
        git = lambda *arguments: subprocess.run(["git", "-c", "user.name=A", "-c", "user.email=a@b", *arguments], cwd=self.root, check=True, capture_output=True)
        git("init")
        git("add", ".")
        git("commit", "--message", "before")
        self.succeed("plan", "--changed-since", "HEAD")
        self.assertIn("Nothing that Terraform reads has changed", self.stdout)
        self.write("environments/prod/variables.tf", "# changed\n")
        git("add", "environments/prod")
        git("commit", "--message", "after")
        self.succeed("plan", "--changed-since", "HEAD~1")
        self.assertIn("environments/prod", self.stdout)
        self.assertNotIn("environments/dev", self.stdout)


class Drift(Scripts):
    def issues(self):
        file = self.fakes / "issues.json"
        return json.loads(file.read_text()) if file.exists() else []

    def test_keeps_one_issue_while_there_is_a_difference(self):
        self.succeed("deploy", "dev", "good@sha256:1")
        self.succeed("drift", "dev")
        self.assertEqual(self.issues(), [])
        self.applied_by_hand(2)
        self.succeed("drift", "dev")
        (issue,) = self.issues()
        self.assertEqual((issue["title"], issue["state"]), ("environments/dev is not what runs", "open"))
        self.assertIn("- change `terraform_data.service`", issue["body"])
        self.applied_by_hand(3)
        self.succeed("drift", "dev")
        (issue,) = self.issues()
        self.assertIn("3 -> 1", issue["body"])
        self.applied_by_hand(1)
        self.succeed("drift", "dev")
        (issue,) = self.issues()
        self.assertEqual((issue["state"], issue["comment"]), ("closed", "There is no difference any more."))
        self.applied_by_hand(2)
        self.succeed("drift", "dev")
        self.assertEqual([issue["state"] for issue in self.issues()], ["closed", "open"])

    def test_leaves_the_issues_of_other_roots_alone(self):
        (self.fakes / "issues.json").write_text(json.dumps([{"number": 1, "title": "environments/dev-two is not what runs", "body": "theirs", "state": "open"}]))
        self.succeed("deploy", "dev", "good@sha256:1")
        self.succeed("drift", "dev")
        self.applied_by_hand(2)
        self.succeed("drift", "dev")
        theirs, ours = self.issues()
        self.assertEqual((theirs["body"], theirs["state"], ours["number"]), ("theirs", "open", 2))

    def test_says_nothing_where_no_plan_can_be_made(self):
        self.succeed("deploy", "dev", "good@sha256:1")
        self.applied_by_hand(2)
        self.succeed("drift", "dev")
        self.write("environments/dev/more.tf", "no Terraform\n")
        self.assertEqual(self.run_script("drift", "dev"), 1, self.output)
        self.assertEqual([issue["state"] for issue in self.issues()], ["open"])


class Scan(Scripts):
    def setUp(self):
        super().setUp()
        git = lambda *arguments: subprocess.check_output(["git", "-c", "user.name=A", "-c", "user.email=a@b", *arguments], cwd=self.root, text=True)
        self.write("Cargo.toml", "# the one that was built\n")
        git("init", "--quiet")
        git("add", "Cargo.toml")
        git("commit", "--quiet", "--message", "built")
        self.revision = git("rev-parse", "HEAD").strip()
        self.write("Cargo.toml", "# a later one\n")
        (self.fakes / "describe-images").write_text(f"{self.revision}")
        # cargo deny, which finds what is in a file; the manifest that it was given is kept.
        self.fake("cargo", '#!/bin/sh\ncp "$3" "$FAKES/Cargo.toml"\n! cat "$FAKES/advisories" 2>/dev/null\n')
        for platform in ("amd64", "arm64"):
            self.ecr(platform, {"status": "COMPLETE"})

    def ecr(self, platform, status, severities=None, before=""):
        findings = [{"name": f"CVE-{severity}", "severity": severity} for severity in severities or {}]
        answer = {"imageScanStatus": status, "imageScanFindings": {"findingSeverityCounts": severities or {}, "findings": findings}}
        (self.fakes / f"describe-image-scan-findings-{self.revision}-{platform}").write_text(before + json.dumps(answer))

    def test_passes_what_has_no_grave_finding(self):
        self.ecr("arm64", {"status": "COMPLETE"}, {"MEDIUM": 3})
        self.succeed("scan", IMAGE)
        self.assertEqual((self.fakes / "Cargo.toml").read_text(), "# the one that was built\n")

    def test_waits_for_the_scan(self):
        before = "error ScanNotFoundException\n" + json.dumps({"imageScanStatus": {"status": "IN_PROGRESS"}}) + "\n"
        self.ecr("amd64", {"status": "COMPLETE"}, {"HIGH": 1}, before)
        self.assertEqual(self.run_script("scan", IMAGE), 1, self.output)
        self.assertIn("CVE-HIGH", self.output)

    def test_refuses_what_is_critical_on_one_platform(self):
        self.ecr("arm64", {"status": "COMPLETE"}, {"CRITICAL": 1, "LOW": 2})
        self.assertEqual(self.run_script("scan", IMAGE), 1, self.output)
        self.assertIn("CRITICAL CVE-CRITICAL", self.output)
        self.assertNotIn("CVE-LOW", self.output)

    def test_says_that_ecr_can_not_look_into_an_image_without_a_system(self):
        for status in ({"status": "UNSUPPORTED_IMAGE"}, {"status": "FAILED", "description": "UnsupportedImageError: The operating system '' is not supported."}):
            self.ecr("amd64", status)
            self.succeed("scan", IMAGE)
            self.assertIn("ECR can not look into it", self.output)

    def test_refuses_what_could_not_be_scanned(self):
        for answer in ({"status": "FAILED", "description": "Internal"}, {"status": "LIMIT_EXCEEDED"}):
            self.ecr("amd64", answer)
            self.assertEqual(self.run_script("scan", IMAGE), 1, self.output)
        self.ecr("amd64", {"status": "COMPLETE"}, before="error AccessDeniedException\n")
        self.assertEqual(self.run_script("scan", IMAGE), 1, self.output)

    def test_refuses_a_crate_with_an_advisory(self):
        (self.fakes / "advisories").write_text("RUSTSEC-2026-0001")
        self.assertEqual(self.run_script("scan", IMAGE), 1, self.output)
        self.assertIn("RUSTSEC-2026-0001", self.output)

    def test_refuses_what_is_of_no_commit(self):
        (self.fakes / "describe-images").write_text("latest")
        self.assertEqual(self.run_script("scan", IMAGE), 1, self.output)
        (self.fakes / "describe-images").write_text(40 * "0")
        self.assertEqual(self.run_script("scan", IMAGE), 1, self.output)
        self.assertEqual(self.run_script("scan", IMAGE.replace("@", ":")), 1, self.output)

    def test_takes_what_runs(self):
        self.succeed("scan", "--running", "dev")
        self.assertIn("nothing runs in dev", self.output)
        self.succeed("deploy", "dev", IMAGE)
        self.ecr("arm64", {"status": "ACTIVE"}, {"CRITICAL": 1})
        self.assertEqual(self.run_script("scan", "--running", "dev"), 1, self.output)


class Values(Scripts):
    def test_writes_what_each_root_is_given(self):
        self.succeed("values", "dev", "account", TFVARS_DEV='size = 2\nwords = "$a \\"b\\""', TFVARS_ACCOUNT="size = 3")
        self.assertEqual((self.root / "environments/dev/terraform.tfvars").read_text(), 'size = 2\nwords = "$a \\"b\\""\n')
        self.assertEqual((self.root / "environments/account/terraform.tfvars").read_text(), "size = 3\n")

    def test_refuses_what_is_not_set_up(self):
        self.assertEqual(self.run_script("values", "dev", TFVARS_DEV=""), 1)
        self.assertIn("TFVARS_DEV is empty", self.output)


class Smoke(Scripts):
    """The real one, against what answers as Echo does, and as it should not."""

    def setUp(self):
        super().setUp()
        shutil.copy(ROOT / "scripts/smoke", self.root / "scripts/smoke")
        mocks = self.mocks = {}
        answers = self.answers = {}

        class Echo(BaseHTTPRequestHandler):
            def do(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                path, _, query = self.path.partition("?")
                if not path.startswith("/endpoints"):
                    mock = next((it for it in mocks.values() if it["path"] == path), None)
                    return self.answer(mock["response"]["code"] if mock else 404, mock["response"]["body"] if mock else "")
                name = path.removeprefix("/endpoints").lstrip("/")
                if self.command == "POST":
                    name = str(len(mocks) + 1)
                    mocks[name] = json.loads(body)["data"]["attributes"]
                elif self.command == "PATCH":
                    mocks[name]["response"] |= json.loads(body)["data"]["attributes"]["response"]
                elif self.command == "DELETE":
                    mocks.pop(name)
                else:
                    found = [key for key, it in mocks.items() if query == f"filter[path]={it['path']}"]
                    return self.answer(200, json.dumps({"data": [{"type": "endpoints", "id": key} for key in found]}, separators=(",", ":")))
                document = {"data": {"type": "endpoints", "id": name}}
                code = {"POST": 201, "PATCH": 200, "DELETE": 204}[self.command]
                return self.answer(answers.get(self.command, code), json.dumps(document, separators=(",", ":")) if code != 204 else "")

            do_GET = do_POST = do_PATCH = do_DELETE = do

            def answer(self, code, body):
                self.send_response(code)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.url = f"http://127.0.0.1:{server.server_port}"

    def test_passes_what_works_and_leaves_nothing(self):
        self.succeed("smoke", self.url, self.url)
        self.assertEqual(self.mocks, {})

    def test_leaves_nothing_where_it_is_cut_off(self):
        # Created, but the answer does not say so; and changed, but the answer says it was not.
        for verb, words in (("POST", "a mock is created"), ("PATCH", "it is changed")):
            self.answers.clear()
            self.answers[verb] = 503
            self.assertEqual(self.run_script("smoke", self.url, self.url), 1, self.output)
            self.assertIn(f"{words}: the answer is 503", self.output)
            self.assertEqual(self.mocks, {})


if __name__ == "__main__":
    unittest.main()
