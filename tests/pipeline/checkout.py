"""Shared parts of the tests of the pipeline's scripts.

The scripts run unchanged in a copy of the checkout. Its environments are roots of a few lines, and the real Terraform
applies them. Fake commands replace GitHub, AWS and Echo, and record each request. The sandbox runs scripts/deliver/plan and
scripts/deliver/deploy on the real roots (tests/sandbox/proofs/environment.py).
"""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

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
# The rollout fails for an image named broken….
resource "terraform_data" "service" {
  input = [var.docker_image_url, var.size]
  triggers_replace = var.docker_image_url
  provisioner "local-exec" { command = "! echo '${var.docker_image_url}' | grep -q ^broken" }
}
output "echo" {
  value = {
    docker_image_url    = var.docker_image_url
    collector_image_url = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/collector@sha256:${join("", [for digit in range(64) : "c"])}"
    mocks_url           = "http://mocks"
    management_url      = "http://management"
    service             = { cluster = "echo-dev", name = "echo", task_definition = "arn:aws:ecs:eu-central-1:111122223333:task-definition/echo-dev-echo:1" }
    key_secret_arns     = { ci = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:ci" }
  }
  depends_on = [terraform_data.service]
}
"""

# A fake of the AWS CLI. A test writes the responses into files named after the operation, one response a line. Records
# its arguments.
AWS = """#!/usr/bin/env python3
import os, pathlib, sys
pathlib.Path(os.environ["FAKES"], "aws").open("a").write(" ".join(sys.argv[1:]) + "\\n")
asked = sys.argv[2]
if "--image-id" in sys.argv:
    asked += sys.argv[sys.argv.index("--image-id") + 1].removeprefix("imageTag").removeprefix("imageDigest").replace("=", "-")
file = pathlib.Path(os.environ["FAKES"], asked)
answer, _, rest = file.read_text().partition("\\n")
if rest:
    file.write_text(rest)
if answer.startswith("error "):
    sys.exit(answer)
print(answer)
"""

CURL = """#!/bin/sh
echo "$*" >>"$FAKES/curl"
case $* in */-/store/raise*)
  [ -s "$FAKES/raise" ] || { echo 'Page `/-/store/raise` does not exist' && exit; }
  head -n 1 "$FAKES/raise" && sed -i 1d "$FAKES/raise" && exit
  ;;
esac
! [ -e "$FAKES/unreachable" ]
"""

# Succeeds unless the image is named lazy….
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
        self.write("environments/region.txt", "eu-central-1\n")
        self.fakes.mkdir()
        (self.fakes.parent / "bin").mkdir()
        shutil.copy(ROOT / "tests/pipeline/gh", self.fakes.parent / "bin")
        self.fake("aws", AWS)
        (self.fakes / "get-secret-value").write_text("echo_token")
        # Management responds, unless the file `unreachable` exists. Each line of the file `raise` answers a raise.
        self.fake("curl", CURL)
        # All tools are installed.
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

    def git(self, *arguments):
        return subprocess.check_output(["git", "-c", "user.name=A", "-c", "user.email=a@b", *arguments], cwd=self.root, text=True, stderr=subprocess.PIPE).strip()

    def run_script(self, name, *arguments, stdin="", **env):
        command = [next(self.root.glob(f"scripts/**/{name}")), *arguments]
        done = subprocess.run(command, env=self.env | env, cwd=self.root, input=stdin, capture_output=True, text=True, check=False)
        self.output = done.stdout + done.stderr
        self.stdout = done.stdout
        return done.returncode

    def succeed(self, *arguments, **env):
        self.assertEqual(self.run_script(*arguments, **env), 0, self.output)

    def running(self):
        outputs = subprocess.check_output(["terraform", "-chdir=" + str(self.root / "environments/dev"), "output", "-json"], env=self.env)
        return json.loads(outputs).get("echo", {}).get("value", {}).get("docker_image_url")

    def applied_by_hand(self, size):
        """Applies another size than the merged one."""
        self.write("environments/dev/terraform.tfvars", f"size = {size}\n")
        terraform = ["terraform", "-chdir=" + str(self.root / "environments/dev")]
        subprocess.run([*terraform, "apply", "-auto-approve", "-var", f"docker_image_url={self.running()}"], env=self.env, check=True, capture_output=True)
        (self.root / "environments/dev/terraform.tfvars").unlink()
