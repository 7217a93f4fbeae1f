"""Proves in a sandbox that scripts/bootstrap prepares an empty account, changes nothing a second time, and undoes its work.

Runs the real script, Terraform and provider, with the account's state in the emulated S3. tests/sandbox/run --bootstrap calls it.
"""

import json
import sys
from pathlib import Path

# Clients of the emulated AWS.
sys.path.append(str(Path(__file__).resolve().parents[1] / "emulator"))

import leftovers
from aws import REGION, Aws
from client import expect
from harness import OFFSET, STATE, ended, proving, sandbox, succeed

BUCKET = "echo-state-000000000000"
GIVEN = ("bootstrap", "--region", REGION, "--bucket", BUCKET, "--no-github", "--yes", "dev", "prod")


def contains(output, *words):
    for part in words:
        if part not in output:
            raise AssertionError(f"the output does not say {part!r}:\n{output[-3000:]}")


def keys(aws):
    return [it["Key"] for it in aws.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def prove_all():
    aws = Aws(f"http://127.0.0.1:{4566 + OFFSET}")
    account = STATE / "copy/environments/account"
    with proving("an account without the quota of prod is refused with the request, and nothing is made"):
        code, output = sandbox(*GIVEN)
        expect("the exit code", code, 1)
        contains(output, "the account may have 6, and 26 are needed", "aws service-quotas request-service-quota-increase --service-code fargate --quota-code L-3032A538 --desired-value 26")
        expect("resources", leftovers.of_account(aws), {})
    with proving("an empty account is prepared, and its state is in the bucket"):
        succeed("exec", "aws", "service-quotas", "request-service-quota-increase", "--service-code", "fargate", "--quota-code", "L-3032A538", "--desired-value", "26")
        contains(succeed(*GIVEN), "Plan: ", "US dollars a month", f"s3://{BUCKET}/account/terraform.tfstate", "terraform apply")
        expect("the states", keys(aws), ["account/terraform.tfstate"])
        expect("files of a first apply", sorted(file.name for file in [*account.glob("*.tfstate*"), *account.glob("backend_override.tf")]), [])
        expect("GitHub's roles and identity provider", [aws.iam.list_roles(PathPrefix="/github/")["Roles"], aws.iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]], [[], []])
        expect("boundaries", sum("-boundary-" in policy["PolicyName"] for policy in aws.iam.list_policies(Scope="Local")["Policies"]), 3)
        for env in ("dev", "prod"):
            contains((STATE / f"copy/environments/{env}/terraform.tfvars").read_text(), "docker_image_url = ", "collector_image_url = ")
    with proving("a second run changes nothing"):
        contains(succeed(*GIVEN), "nothing to change")
    with proving("an account with an environment is not destroyed"):
        resources = [{"mode": "managed", "instances": [{}, {}]}, {"mode": "data", "instances": [{}]}]
        aws.s3.put_object(Bucket=BUCKET, Key="dev/terraform.tfstate", Body=json.dumps({"resources": resources}).encode())
        code, output = sandbox("bootstrap", "--destroy", "--yes")
        expect("the exit code", code, 1)
        contains(output, "environments/dev has 2 resources: destroy it first")
        aws.s3.put_object(Bucket=BUCKET, Key="dev/terraform.tfstate", Body=b'{"resources": []}')
    with proving("the account is destroyed with its bucket and all states, and nothing is left"):
        succeed("bootstrap", "--destroy", "--yes")
        expect("leftovers", leftovers.of_account(aws), {})
        expect("files", sorted(file.name for file in [*account.glob("*.tfstate*"), *account.glob("*_override.tf")] if file.name != "sandbox_override.tf"), [])
        expect("values of deleted images", (STATE / "copy/environments/dev/terraform.tfvars").read_text().count("_image_url"), 0)
        contains(succeed("bootstrap", "--destroy", "--yes"), "destroyed already")


if __name__ == "__main__":
    sys.exit(ended(prove_all))
