"""Applies the module to an emulator of AWS, and checks the stored values and the contents of plan and state.

`terraform test` keeps neither plan nor state. tests/sandbox/proofs/environment.py runs this file. In a running sandbox:

    scripts/sandbox exec python3 modules/secrets/tests/stored_values.py
"""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import unittest
import urllib.request
import zipfile
from pathlib import Path

MODULE = Path(__file__).resolve().parents[1]
ROOT = """
provider "aws" {
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

variable "keys" { type = map(object({ scopes = string })) }
variable "rotation" { type = number }

module "secrets" {
  source   = "./secrets"
  name     = "echo-test"
  keys     = var.keys
  rotation = var.rotation
  protect  = false
}

output "value_from" { value = module.secrets.entries_value_from }
output "tokens" { value = module.secrets.token_secret_arns }
"""
READ, WRITE, BOTH = {"scopes": "read"}, {"scopes": "write"}, {"scopes": "read+write"}


class StoredValues(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.work = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.endpoint = os.environ["AWS_ENDPOINT_URL"]
        for file in MODULE.glob("*.tf"):
            (cls.work / "secrets").mkdir(exist_ok=True)
            shutil.copy(file, cls.work / "secrets")
        (cls.work / "main.tf").write_text(ROOT)
        cls.terraform("init", "-input=false")

    @classmethod
    def terraform(cls, *arguments, fine=(0,), **environment):
        done = subprocess.run(
            ["terraform", *arguments],
            cwd=cls.work,
            # A call without a mark fails the proof. This mark belongs to no role of the pipeline.
            env=os.environ | {"TF_IN_AUTOMATION": "1", "AWS_SDK_UA_APP_ID": "sandbox+test+secrets"} | environment,
            text=True,
            capture_output=True,
            check=False,
        )
        if done.returncode not in fine:
            raise RuntimeError(f"terraform {' '.join(arguments)}:\n{done.stdout}{done.stderr}")
        return done

    def apply(self, keys, rotation, *only):
        """Plans and applies. Returns value_from, the tokens and the entries, which may not be in Terraform's plan or state."""
        (self.work / "terraform.tfvars.json").write_text(json.dumps({"keys": keys, "rotation": rotation}))
        self.terraform("plan", "-input=false", "-out=plan", *only)
        with zipfile.ZipFile(self.work / "plan") as plan:
            kept = [plan.read(name) for name in plan.namelist()]
        self.assertTrue(any(b"secret_string_wo" in text for text in kept), "this is not how Terraform writes plans")
        applied = self.terraform("apply", "-input=false", "plan")
        kept += [(applied.stdout + applied.stderr).encode(), (self.work / "terraform.tfstate").read_bytes()]

        tokens = {name: self.secret(f"echo-test/keys/{name}") for name in keys}
        for name, token in tokens.items():
            self.assertRegex(token, r"\Aecho_[0-9a-z]{64}\Z")
            for value in (token, token.removeprefix("echo_"), sha256(token)):
                self.assertFalse(any(value.encode() in text for text in kept), f"Terraform has kept a value of the key {name}")
        if only:
            return None
        outputs = json.loads((self.work / "terraform.tfstate").read_text())["outputs"]
        arn, version = outputs["value_from"]["value"].split(":::")
        self.assertEqual(list(outputs["tokens"]["value"]), sorted(keys))
        return version, tokens, self.secret(arn, version)

    def secret(self, name, version=None):
        wanted = {"SecretId": name} | ({"VersionId": version} if version else {})
        return self.call("GetSecretValue", wanted)["SecretString"]

    def call(self, action, body):
        request = urllib.request.Request(
            self.endpoint,
            json.dumps(body).encode(),
            {
                "Content-Type": "application/x-amz-json-1.1",
                "X-Amz-Target": f"secretsmanager.{action}",
                # Emulators read service and region from this header, and check no signature.
                "Authorization": f"AWS4-HMAC-SHA256 Credential=test/20260101/{os.environ['AWS_REGION']}/secretsmanager/aws4_request, "
                "SignedHeaders=host, Signature=none",
            },
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def test_tokens_match_entries_through_the_life_of_the_keys(self):
        first, tokens, entries = self.apply({"ci": BOTH, "viewer": READ}, 1)
        self.assertEqual(entries, f"ci:read+write:{sha256(tokens['ci'])},viewer:read:{sha256(tokens['viewer'])}")
        again = self.terraform("plan", "-input=false", "-detailed-exitcode", fine=(0, 2), TF_LOG_PROVIDER="DEBUG")
        self.assertEqual(again.returncode, 0, f"a second plan is not empty:\n{again.stdout}")
        self.assertIn("DescribeSecret", again.stderr, "this is not where the provider tells what it asks")
        for call in ("GetSecretValue", "GetRandomPassword"):
            self.assertNotIn(call, again.stderr, "whoever may only plan needs the right to read tokens")

        # An added key and changed scopes keep the existing tokens.
        second, more, entries = self.apply({"ci": WRITE, "viewer": READ, "load": BOTH}, 1)
        self.assertEqual({name: more[name] for name in tokens}, tokens)
        self.assertEqual(
            entries,
            f"ci:write:{sha256(tokens['ci'])},load:read+write:{sha256(more['load'])},viewer:read:{sha256(tokens['viewer'])}",
        )
        self.assertNotEqual(second, first, "the tasks would not be replaced")

        # The next apply completes an interrupted rotation, without another rotation.
        keys = {"ci": WRITE, "viewer": READ, "load": BOTH}
        self.apply(keys, 2, '-target=module.secrets.aws_secretsmanager_secret_version.token["ci"]')
        stopped = self.secret("echo-test/keys/ci")
        self.assertNotEqual(stopped, tokens["ci"])
        del keys["load"]
        third, rotated, entries = self.apply(keys, 2)
        self.assertEqual(rotated["ci"], stopped)
        self.assertNotEqual(rotated["viewer"], tokens["viewer"])
        self.assertEqual(entries, f"ci:write:{sha256(rotated['ci'])},viewer:read:{sha256(rotated['viewer'])}")
        self.assertNotEqual(third, second, "the tasks would not be replaced")
        # After a rollback, the earlier revision still finds its entries.
        self.assertIn("load:", self.secret("echo-test/key-entries", second))

        self.terraform("destroy", "-input=false", "-auto-approve")
        left = [secret["Name"] for secret in self.call("ListSecrets", {})["SecretList"]]
        self.assertEqual([name for name in left if name.startswith("echo-test/")], [])


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


if __name__ == "__main__":
    unittest.main()
