"""scripts/bootstrap prepares an account, refuses wrong input with the correction, continues after a failure at each step, and
undoes its work. Fakes replace AWS and Terraform (account/); the sandbox runs both (tests/sandbox/proofs/bootstrap.py).
Run by `scripts/test pipeline`."""

import json
import pathlib
import shutil
import sys
import unittest

from checkout import ROOT, Scripts

REGISTRY = "111122223333.dkr.ecr.eu-central-1.amazonaws.com"
BUCKET = "echo-state-111122223333"
GIVEN = ["--region", "eu-central-1", "--bucket", BUCKET, "--no-github", "--yes"]
PROVIDER = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
KEPT_PROVIDER = "module.account.module.github[0].aws_iam_openid_connect_provider.main"
KEPT_CACHE = 'module.account.module.registry.aws_ecr_pull_through_cache_rule.main["ecr-public"]'
# An empty account with enough room, and no other user.
EMPTY = {
    "number": "111122223333", "regions": {"eu-central-1": "opt-in-not-required", "eu-west-1": "opt-in-not-required", "ap-east-1": "not-opted-in"},
    "zones": "abc", "endpoints": {}, "quotas": {"L-3032A538": 30.0, "L-36FBB829": 6.0}, "addresses": [], "destination": "XRay", "providers": [],
    "roles": [], "roles_of_ecs": [], "caches": [], "repositories": [], "buckets": {}, "foreign": [], "fails": [],
}  # fmt: skip


class Bootstrap(Scripts):
    def setUp(self):
        super().setUp()
        shutil.rmtree(self.root / "environments")
        ignored = shutil.ignore_patterns(".terraform*", "*.tfvars", "*.tfstate*", "*_override.tf")
        shutil.copytree(ROOT / "environments", self.root / "environments", ignore=ignored)
        for name in ("aws", "terraform"):
            shutil.copy(ROOT / "tests/pipeline/account" / name, self.fakes.parent / "bin")
        # A version manager's python3 puts its own folder, perhaps with an aws, before the fakes.
        (self.fakes.parent / "bin/python3").symlink_to(pathlib.Path(sys.executable).resolve())
        # Each fails while a file of its name exists.
        images = {"login": "", "collector": f"{REGISTRY}/collector@sha256:c", "image": f"{REGISTRY}/echo-service@sha256:e"}
        for name, printed in images.items():
            self.write(f"scripts/deliver/{name}", f'#!/bin/sh\necho "{name} $*" >>"$FAKES/images"\n! [ -e "$FAKES/{name}-fails" ] && echo "{printed}"\n', 0o755)
        self.account(**EMPTY)

    def account(self, **values):
        """Changes the account, and returns it."""
        file = self.fakes / "account.json"
        there = (json.loads(file.read_text()) if file.exists() else {}) | values
        file.write_text(json.dumps(there))
        return there

    def values(self, root):
        file = self.root / f"environments/{root}/terraform.tfvars"
        return file.read_text() if file.exists() else None

    def expect_refused(self, *words, arguments=GIVEN, environments=("dev", "staging", "prod")):
        """The script refuses with these words, before it changes anything."""
        before = self.account()
        self.assertEqual(self.run_script("bootstrap", *arguments, *environments), 1, self.output)
        for part in words:
            self.assertIn(part, self.output)
        self.assertEqual(self.account(), before)
        self.assertFalse((self.fakes / "images").exists())

    def prepared(self):
        """The results of a run in account and checkout."""
        files = {str(file.relative_to(self.root)): file.read_text() for file in sorted(self.root.glob("environments/*/*")) + sorted(self.root.glob("environments/*/.*lock*")) if file.is_file()}
        return {name: value for name, value in self.account().items() if name != "fails"}, files

    def test_prepares_an_empty_account(self):
        self.succeed("bootstrap", *GIVEN, "dev", "prod")
        account = self.account()
        self.assertEqual(list(account["buckets"][BUCKET]), ["account/terraform.tfstate"])
        self.assertEqual(account["roles_of_ecs"], ["ecs.amazonaws.com"])
        self.assertEqual(self.values("account"), f'state_bucket_name = "{BUCKET}"\nrepository = null\n')
        self.assertEqual(self.values("dev"), f'docker_image_url = "{REGISTRY}/echo-service@sha256:e"\ncollector_image_url = "{REGISTRY}/collector@sha256:c"\n')
        self.assertEqual((self.values("prod"), self.values("staging")), (self.values("dev"), None))
        self.assertEqual(len(list(self.root.glob("environments/*/.terraform.lock.hcl"))), 4)
        self.assertEqual(list(self.root.glob("environments/account/*_override.tf")) + list(self.root.glob("environments/account/*.tfstate*")), [])
        images = (self.fakes / "images").read_text()
        self.assertEqual(images, f"login {REGISTRY}\ncollector {REGISTRY} linux/arm64\nimage --platform linux/arm64 --push {REGISTRY}/echo-service\n")
        for part in ("aws_s3_bucket.main will be created", "Plan: 2 to add", "US dollars a month", f"terraform init -backend-config=bucket={BUCKET} -backend-config=region=eu-central-1", "terraform.tfvars: management_cidrs runbook_url"):
            self.assertIn(part, self.output)

    def test_a_second_run_changes_nothing(self):
        self.succeed("bootstrap", *GIVEN, "dev")
        before = self.prepared()
        (self.fakes / "images").unlink()
        self.succeed("bootstrap", *GIVEN, "dev")
        self.assertIn("nothing to change", self.output)
        self.assertEqual(self.prepared(), before)
        self.assertFalse((self.fakes / "images").exists())

    def test_continues_after_a_failure_at_each_step(self):
        self.succeed("bootstrap", *GIVEN, "dev")
        whole, clean = self.prepared(), (self.fakes / "account.json")
        steps = ["iam list-roles", "iam create-service-linked-role", "ecr describe-pull-through-cache-rules", "init -reconfigure", "plan", "apply", "init -migrate-state", "login", "collector", "image"]
        for step in steps:
            with self.subTest(step):
                for file in [*self.root.glob("environments/*/*.tf*"), *self.root.glob("environments/*/.*lock*")]:
                    if file.name not in ("main.tf", "variables.tf"):
                        file.unlink()
                clean.write_text(json.dumps(EMPTY | {"fails": [step]}))
                mark = self.fakes / f"{step}-fails"
                mark.touch()
                self.assertEqual(self.run_script("bootstrap", *GIVEN, "dev"), 1, self.output)
                self.assertRegex(self.output.lower(), "run this again|run the same command again")
                mark.unlink()
                self.account(fails=[])
                self.succeed("bootstrap", *GIVEN, "dev")
                self.assertEqual(self.prepared(), whole)

    def test_without_the_registry_of_terraform_it_names_the_missing_lock_files(self):
        self.account(fails=["providers lock"])
        self.succeed("bootstrap", *GIVEN, "dev")
        self.assertIn("NO LOCK FILES: Terraform's registry is not reachable", self.output)
        self.assertEqual(list(self.root.glob("environments/*/.terraform.lock.hcl")), [])

    def test_refuses_wrong_arguments(self):
        for arguments, words in (
            (["--region", "eu-central-1"], "write --region, --bucket, and --github OWNER/NAME or --no-github"),
            ([*GIVEN, "--github", "echo"], "write --github as OWNER/NAME"),
            ([*GIVEN, "--architecture", "ARM"], "--architecture is ARM64 or X86_64"),
            ([*GIVEN, "--bucket"], "--bucket wants a value"),
            ([*GIVEN, "--force"], "unknown option --force"),
            ([*GIVEN, "account"], "environments/account does not exist: name dev prod staging"),
            (["--destroy", *GIVEN], "write --destroy without other options"),
            (["--destroy", "--yes"], "names no bucket"),
        ):
            self.expect_refused(words, arguments=arguments, environments=())

    def test_refuses_wrong_credentials(self):
        self.account(number="999900001111")
        self.expect_refused("the credentials are of account 999900001111, and the bucket echo-state-111122223333 names account 111122223333")
        self.account(fails=["sts get-caller-identity"])
        self.expect_refused("AWS accepts no credentials here: log in")

    def test_refuses_a_wrong_region(self):
        region = lambda name: ["--region", name, *GIVEN[2:]]
        self.expect_refused("AWS has no region eu-central-9", arguments=region("eu-central-9"))
        self.expect_refused("ap-east-1 is off in this account: aws account enable-region --region-name ap-east-1", arguments=region("ap-east-1"))
        self.assertEqual((self.root / "environments/region.txt").read_text(), "eu-central-1\n")
        # Another region is written before the first apply, and refused afterwards.
        self.succeed("bootstrap", *region("eu-west-1"))
        self.assertEqual((self.root / "environments/region.txt").read_text(), "eu-west-1\n")
        self.expect_refused("this account has Echo in eu-west-1 already", environments=())

    def test_refuses_zones_that_are_missing_or_lack_an_endpoint(self):
        self.account(zones="abd")
        self.expect_refused("prod: this account has no zone eu-central-1c: write other letters into network.zones of environments/prod/main.tf; eu-central-1 has a, b, d")
        self.account(zones="abc", endpoints={"xray": "ac", "logs": "ac"})
        self.expect_refused("staging: eu-central-1b has no endpoint for logs, xray: write other letters", "eu-central-1 has a, c, or set nat")
        # With NAT, tasks need no endpoint.
        self.succeed("bootstrap", *GIVEN, "dev")

    def test_refuses_a_missing_quota(self):
        self.account(quotas={"L-3032A538": 6.0, "L-36FBB829": 1.0}, addresses=["other"] * 5)
        self.expect_refused(
            "vCPU on Fargate: the account may have 6, and 30 are needed", "--quota-code L-3032A538 --desired-value 30 --region eu-central-1",
            "vCPU on Fargate Spot: the account may have 1, and 2 are needed", "--quota-code L-36FBB829 --desired-value 2",
            "the account may have 5, and 6 are needed", "--quota-code L-0263D0A3 --desired-value 6",
        )  # fmt: skip
        # Fewer environments, and Echo's own address.
        self.account(quotas={"L-3032A538": 6.0, "L-36FBB829": 6.0}, addresses=["other"] * 4 + ["echo"])
        self.succeed("bootstrap", *GIVEN, "dev", "staging")

    def test_refuses_a_destination_of_traces_that_another_team_has_set(self):
        self.account(destination="CloudWatchLogs")
        self.expect_refused("aws xray update-trace-segment-destination --destination XRay --region eu-central-1")
        self.account(stack="echo-transaction-search")
        self.succeed("bootstrap", *GIVEN, "dev")

    def test_refuses_a_bucket_of_others_and_a_bucket_without_a_state(self):
        self.account(foreign=[BUCKET])
        self.expect_refused(f"the bucket {BUCKET} is not yours")
        self.account(foreign=[], buckets={BUCKET: {}})
        self.expect_refused(f"the bucket {BUCKET} exists, and holds no state of Echo: choose another name")

    def test_keeps_the_values_of_a_person(self):
        mine = 'docker_image_url = "mine"\nmanagement_cidrs = ["10.0.0.0/8"]'
        self.write("environments/dev/terraform.tfvars", mine)
        self.succeed("bootstrap", *GIVEN, "--architecture", "X86_64", "dev")
        self.assertEqual(self.values("dev"), f'{mine}\ncollector_image_url = "{REGISTRY}/collector@sha256:c"\ncpu_architecture = "X86_64"\n')
        self.assertIn("linux/amd64", (self.fakes / "images").read_text())
        self.assertIn("terraform.tfvars: runbook_url", self.output)
        (self.fakes / "images").unlink()
        self.expect_refused(f"terraform.tfvars has state_bucket_name = {BUCKET}, and --bucket means other", arguments=[*GIVEN, "--bucket", "other"])

    def test_changes_nothing_without_a_yes(self):
        self.assertEqual(self.run_script("bootstrap", *GIVEN[:-1], "dev", stdin="no\n"), 1, self.output)
        self.assertIn("stopped, because the answer was not yes", self.output)
        self.assertEqual(self.account()["buckets"], {})
        self.assertEqual(self.run_script("bootstrap", *GIVEN[:-1], "dev", stdin="yes\n"), 0, self.output)

    def test_takes_the_numbers_of_the_repository_and_adopts_what_exists(self):
        given = [*GIVEN[:4], "--github", "octo-org/echo", "--yes"]
        self.expect_refused("GitHub shows no repository octo-org/echo", arguments=given)
        repository = '{ owner = "octo-org", owner_id = "1", name = "echo", id = "2" }'
        (self.fakes / "echo").write_text(repository)
        self.account(providers=[PROVIDER, "arn:aws:iam::111122223333:oidc-provider/other"], caches=["docker-hub", "ecr-public"])
        self.succeed("bootstrap", *given, "dev")
        self.assertIn(f"repository = {repository}\n", self.values("account"))
        for adopted in (PROVIDER, "ecr-public"):
            self.assertIn(f"taken over: {adopted} exists already", self.output)
        state = self.account()["buckets"][BUCKET]["account/terraform.tfstate"]
        for address in (KEPT_PROVIDER, KEPT_CACHE):
            self.assertIn(json.dumps(address), state)
        (self.fakes / "images").unlink()
        self.expect_refused("terraform.tfvars has repository = ", "and --github means null")

    def test_undoes_everything(self):
        self.succeed("bootstrap", *GIVEN, "dev")
        self.account(buckets={BUCKET: self.account()["buckets"][BUCKET] | {"dev/terraform.tfstate": json.dumps({"resources": [{"mode": "managed", "instances": [{}, {}]}]})}})
        before = self.account()
        self.assertEqual(self.run_script("bootstrap", "--destroy", "--yes"), 1, self.output)
        self.assertIn("environments/dev has 2 resources: destroy it first", self.output)
        self.assertEqual(self.account(), before)
        self.account(buckets={BUCKET: before["buckets"][BUCKET] | {"dev/terraform.tfstate": '{"resources": []}'}})
        self.assertEqual(self.run_script("bootstrap", "--destroy", stdin="no"), 1, self.output)
        # After a failure at each step, it continues.
        for step in ("apply", "init -migrate-state", "s3api delete-object", "iam list-roles", "ecr describe-repositories", "destroy"):
            self.account(fails=[step])
            self.assertEqual(self.run_script("bootstrap", "--destroy", "--yes"), 1, f"{step}: {self.output}")
            self.assertIn("run the same command again", self.output)
        self.account(fails=[])
        self.succeed("bootstrap", "--destroy", "--yes")
        self.assertEqual(self.account()["buckets"], {})
        self.assertEqual(list(self.root.glob("environments/account/*_override.tf")) + list(self.root.glob("environments/account/*.tfstate*")), [])
        self.assertEqual((self.values("dev"), self.values("account")), ("", f'state_bucket_name = "{BUCKET}"\nrepository = null\n'))
        self.succeed("bootstrap", "--destroy", "--yes")
        self.assertIn("destroyed already", self.output)
        self.succeed("bootstrap", *GIVEN, "dev")

    def test_leaves_to_others_what_they_use(self):
        (self.fakes / "echo").write_text('{ owner = "octo-org", owner_id = "1", name = "echo", id = "2" }')
        trust = {"Statement": [{"Principal": {"Federated": PROVIDER}}]}
        own = {"Path": "/github/", "RoleName": "echo-plan", "AssumeRolePolicyDocument": trust}
        self.account(providers=[PROVIDER], roles=[own])
        given = [*GIVEN[:4], "--github", "octo-org/echo", "--yes"]
        self.succeed("bootstrap", *given)
        self.succeed("bootstrap", "--destroy", "--yes")
        self.assertNotIn("forgotten", self.account())
        self.account(roles=[own, own | {"Path": "/", "RoleName": "theirs"}], repositories=["ecr-public/nginx"])
        self.succeed("bootstrap", *given)
        self.succeed("bootstrap", "--destroy", "--yes")
        self.assertEqual(self.account()["forgotten"], [KEPT_PROVIDER, KEPT_CACHE])
        self.assertIn("kept: GitHub's identity provider: theirs trust it", self.output)


if __name__ == "__main__":
    unittest.main()
