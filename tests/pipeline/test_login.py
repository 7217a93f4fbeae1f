"""Registry and token of scripts/deliver/login. Run by `scripts/test pipeline`."""

import unittest

from checkout import Scripts

REGISTRY = "111122223333.dkr.ecr.eu-north-1.amazonaws.com"


class Login(Scripts):
    def setUp(self):
        super().setUp()
        (self.fakes / "get-login-password").write_text("of-ecr")
        self.fake("docker", '#!/bin/sh\necho "$* $(cat)" >>"$FAKES/docker"\n! [ -e "$FAKES/refused" ]\n')

    def test_logs_in_with_the_registrys_token(self):
        self.succeed("login", REGISTRY)
        # On stdin, because other users can read a command line.
        self.assertEqual((self.fakes / "docker").read_text(), f"login --username AWS --password-stdin {REGISTRY} of-ecr\n")
        self.assertEqual((self.fakes / "aws").read_text(), "ecr get-login-password --region eu-north-1\n")

    def test_fails_if_the_registry_refuses_the_login(self):
        (self.fakes / "refused").touch()
        self.assertEqual(self.run_script("login", REGISTRY), 1, self.output)

    def test_fails_without_a_token(self):
        (self.fakes / "get-login-password").write_text("error AccessDeniedException")
        self.assertEqual(self.run_script("login", REGISTRY), 1, self.output)
        self.assertFalse((self.fakes / "docker").exists())

    def test_logs_in_to_github_with_its_token_only(self):
        self.succeed("login", "ghcr.io", GH_TOKEN="of-github")
        self.assertEqual((self.fakes / "docker").read_text(), "login --username token --password-stdin ghcr.io of-github\n")
        self.assertFalse((self.fakes / "aws").exists())
        self.assertEqual(self.run_script("login", "ghcr.io", GH_TOKEN=""), 1, self.output)

    def test_sends_the_token_to_ecr_only(self):
        for registry in ("docker.io", f"{REGISTRY}/echo-service", f"{REGISTRY}.example.com", ".dkr.ecr.eu-north-1.amazonaws.com"):
            self.assertEqual(self.run_script("login", registry), 1, self.output)
            self.assertIn("neither an ECR registry nor ghcr.io", self.output)
        self.assertFalse((self.fakes / "docker").exists())


if __name__ == "__main__":
    unittest.main()
