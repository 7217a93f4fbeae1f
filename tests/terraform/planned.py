"""Plans the first apply of each root by the real Terraform and AWS provider, without AWS.

`planned.py FOLDER` writes FOLDER/ROOT.json, as `terraform show -json` prints it.
"""

import http.server
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROOTS = sorted(file.parent.name for file in ROOT.glob("environments/*/main.tf"))
REGISTRY = "111122223333.dkr.ecr.eu-central-1.amazonaws.com"
# Of all roots. Terraform only warns about a value without a variable.
VALUES = {
    "docker_image_url": f"{REGISTRY}/echo-service@sha256:{'1' * 64}",
    "collector_image_url": f"{REGISTRY}/ecr-public/aws-observability/aws-otel-collector@sha256:{'2' * 64}",
    "management_cidrs": ["203.0.113.0/24"],
    "alarm_emails": ["operators@example.com"],
    "runbook_url": "https://example.com/runbook.md",
    "repository": {"owner": "octo-org", "owner_id": "1", "name": "echo", "id": "2"},
    "state_bucket_name": "echo-state-111122223333",
}
# The load balancer costs the same without a domain, but prod demands one.
DOMAIN = {"name": "echo.example.com", "certificate_arn": "arn:aws:acm:eu-central-1:111122223333:certificate/1"}
IDENTITY = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::111122223333:user/test</Arn><UserId>test</UserId><Account>111122223333</Account>
</GetCallerIdentityResult></GetCallerIdentityResponse>"""


class Account(http.server.BaseHTTPRequestHandler):
    """An empty account of AWS: knows the caller, and nothing else."""

    def do_POST(self):
        asked = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        found = b"Action=GetCallerIdentity" in asked
        answer = IDENTITY if found else json.dumps({"__type": "ResourceNotFoundException", "message": "not found"})
        self.send_response(200 if found else 400)
        self.send_header("Content-Type", "text/xml" if found else "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, *_):
        pass


def terraform(folder: pathlib.Path, *arguments: str, **env: str) -> str:
    done = subprocess.run(["terraform", f"-chdir={folder}", *arguments], env=os.environ | env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"terraform {arguments[0]} failed in environments/{folder.name}:\n{done.stdout}{done.stderr}")
    return done.stdout


def plan(root: str, copy: pathlib.Path, endpoint: str) -> str:
    folder = copy / "environments" / root
    (folder / "backend_override.tf").write_text('terraform {\n  backend "local" {}\n}\n')
    values = VALUES | ({"domain": DOMAIN} if root == "prod" else {})
    (folder / "terraform.tfvars.json").write_text(json.dumps(values))
    env = {"AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"}
    terraform(folder, "init", "-input=false", **env)
    terraform(folder, "plan", "-input=false", "-lock=false", "-out=plan", **env)
    return terraform(folder, "show", "-json", "plan")


def main() -> None:
    target = pathlib.Path(sys.argv[1])
    target.mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Account)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as copy, ThreadPoolExecutor(2) as workers:
        # Terraform writes into its folders. Lock files pin the registry's build of the provider.
        files = subprocess.check_output(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "environments", "infra", "modules"], cwd=ROOT)
        kept = b"\0".join(file for file in files.split(b"\0") if file and not file.endswith(b".lock.hcl") and (ROOT / file.decode()).exists())
        packed = subprocess.run(["tar", "--create", "--null", "--files-from", "-"], cwd=ROOT, input=kept, stdout=subprocess.PIPE, check=True).stdout
        subprocess.run(["tar", "--extract", "--directory", copy], input=packed, check=True)
        planned = workers.map(lambda root: plan(root, pathlib.Path(copy), f"http://127.0.0.1:{server.server_port}"), ROOTS)
        for root, text in zip(ROOTS, planned, strict=True):
            (target / f"{root}.json").write_text(text)


if __name__ == "__main__":
    main()
