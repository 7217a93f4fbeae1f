"""tests/sandbox/proofs/trust.py finds faults in trust policies; the sandbox uses it on the real policies. Run by `scripts/test pipeline`."""

import copy
import sys
import unittest
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "sandbox/proofs"))

import trust
from trust import ISSUER, MAIN, OTHER, OWN, PULL_REQUEST, TOKENS, WORKFLOWS, token, workflow

PROVIDERS = [f"arn:aws:iam::000000000000:oidc-provider/{ISSUER}"]


class Trust(unittest.TestCase):
    def setUp(self):
        self.policies = {role: self.policy(role) for role in OWN}

    def policy(self, role):
        """The trust policy of modules/github-oidc."""
        asked = {"aud": "sts.amazonaws.com", "sub": sorted({token.sub for token in OWN[role]})}
        if role.startswith("echo-apply-"):
            asked |= {"ref": MAIN, "job_workflow_ref": workflow()}
        return {"Statement": [{
            "Effect": "Allow",
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {"Federated": PROVIDERS[0]},
            "Condition": {"StringEquals": {f"{ISSUER}:{claim}": value for claim, value in asked.items()}},
        }]}

    def planted(self, role, **changes):
        """The tokens that the role's policy misjudges with changed conditions, by claim: removed (None), or a pattern."""
        policy = copy.deepcopy(self.policies[role])
        conditions = policy["Statement"][0]["Condition"]
        for claim, like in changes.items():
            del conditions["StringEquals"][f"{ISSUER}:{claim}"]
            if like:
                conditions.setdefault("StringLike", {})[f"{ISSUER}:{claim}"] = like
        return trust.misjudged(role, policy, PROVIDERS)

    def test_the_right_policies_have_no_fault(self):
        for role, policy in self.policies.items():
            with self.subTest(role):
                self.assertEqual(trust.misjudged(role, policy, PROVIDERS), set())

    def test_a_policy_of_another_role_is_a_fault(self):
        for role in OWN:
            for other, policy in self.policies.items():
                if other != role:
                    with self.subTest(role, has=other):
                        self.assertNotEqual(trust.misjudged(role, policy, PROVIDERS), set())

    def test_without_a_ref_tokens_of_all_branches_tags_and_pull_requests_are_accepted(self):
        refs = (OTHER, "refs/heads/main-two", "refs/tags/main", PULL_REQUEST)
        self.assertEqual(self.planted("echo-apply-prod", ref=None), {token(environment="prod", ref=ref, job=workflow()) for ref in refs})

    def test_without_a_workflow_tokens_of_all_workflows_are_accepted(self):
        self.assertEqual(self.planted("echo-apply-prod", job_workflow_ref=None), {token(environment="prod", job=job) for job in WORKFLOWS})

    def test_without_an_audience_tokens_for_others_are_accepted(self):
        for role, own in OWN.items():
            with self.subTest(role):
                others = {token._replace(aud="https://github.com/echo") for token in own} & TOKENS
                self.assertTrue(others)
                self.assertEqual(self.planted(role, aud=None), others)

    def test_without_a_subject_tokens_of_other_repositories_are_accepted(self):
        for role in OWN:
            with self.subTest(role):
                found = {token.sub.split(":")[1] for token in self.planted(role, sub=None)}
                # The condition on the workflow contains only the names of owner and repository.
                of_the_name = {"echo@1/echo@3", "echo@9/echo@2", "echo/echo"}
                self.assertLessEqual(of_the_name if role.startswith("echo-apply-") else of_the_name | {"echo@1/other@3", "fork@9/echo@4"}, found)

    def test_wildcards_are_found(self):
        for role, claim, like in (
            ("echo-plan", "sub", "repo:echo@1/echo@2:*"),
            ("echo-plan", "sub", "repo:echo@*/echo@*:pull_request"),
            ("echo-push", "sub", "repo:echo@1/echo@2:ref:refs/heads/main*"),
            ("echo-push", "sub", "repo:echo@1/echo@?:ref:refs/heads/main"),
            ("echo-apply-prod", "sub", "repo:echo@1/echo@2:environment:prod*"),
            ("echo-apply-prod", "ref", "refs/*/main"),
            ("echo-apply-prod", "job_workflow_ref", "echo/echo/.github/workflows/*@refs/heads/main"),
            ("echo-apply-prod", "job_workflow_ref", "echo/echo/.github/workflows/deploy.yml@*"),
            ("echo-apply-prod", "aud", "*"),
        ):
            with self.subTest(role, claim=claim, like=like):
                self.assertTrue(self.planted(role, **{claim: like}) - OWN[role])

    def test_a_pattern_without_wildcards_matches_literally(self):
        self.assertEqual(self.planted("echo-apply-prod", ref=MAIN), set())
        self.assertEqual(self.planted("echo-apply-prod", ref="refs.heads.main"), OWN["echo-apply-prod"])

    def test_without_its_provider_no_token_is_accepted(self):
        another = "arn:aws:iam::000000000000:oidc-provider/another"
        for role, policy in self.policies.items():
            (statement,) = policy["Statement"]
            with self.subTest(role):
                self.assertEqual(trust.misjudged(role, policy, [another]), OWN[role])
                of_another = {"Statement": [statement | {"Principal": {"Federated": another}}]}
                self.assertEqual(trust.misjudged(role, of_another, [*PROVIDERS, another]), OWN[role])

    def test_a_condition_covers_claims_of_one_issuer_only(self):
        both = [*PROVIDERS, f"{PROVIDERS[0]}/another-enterprise"]
        for role, policy in self.policies.items():
            (statement,) = policy["Statement"]
            with self.subTest(role):
                of_both = {"Statement": [statement | {"Principal": {"Federated": both}}]}
                self.assertEqual(trust.misjudged(role, of_both, both), set())
                unasked = {"Statement": [{name: value for name, value in of_both["Statement"][0].items() if name != "Condition"}]}
                self.assertEqual(trust.misjudged(role, unasked, both), TOKENS - OWN[role])

    def test_an_unsupported_statement_is_an_error(self):
        for change in (
            {"Effect": "Deny"},
            {"Action": "sts:*"},
            {"Action": ["sts:AssumeRoleWithWebIdentity", "sts:AssumeRole"]},
            {"Principal": "*"},
            {"Principal": {"AWS": "*"}},
            {"Principal": {"Federated": PROVIDERS[0], "AWS": "*"}},
            {"NotPrincipal": {"AWS": "arn:aws:iam::000000000000:root"}},
            {"Condition": {"ForAllValues:StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com"}}},
            {"Condition": {"StringEqualsIfExists": {f"{ISSUER}:aud": "sts.amazonaws.com"}}},
            {"Condition": {"StringEquals": {f"{ISSUER}:workflow": "deploy"}}},
            {"Condition": {"StringEquals": {"aws:SourceAccount": "000000000000"}}},
            {"Condition": {"StringLike": {f"{ISSUER}:sub": "${aws:PrincipalTag/subject}"}}},
        ):
            with self.subTest(change=change):
                (statement,) = self.policies["echo-push"]["Statement"]
                for token in TOKENS:
                    self.assertRaises(ValueError, trust.fits, statement | change, token, PROVIDERS)


if __name__ == "__main__":
    unittest.main()
