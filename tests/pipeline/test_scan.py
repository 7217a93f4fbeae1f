"""What scripts/scan refuses, and what it passes. Run by `scripts/test pipeline`."""

import json
import unittest

from checkout import IMAGE, Scripts


class Scan(Scripts):
    def setUp(self):
        super().setUp()
        self.write("Cargo.toml", "# the one that was built\n")
        self.git("init", "--quiet")
        self.git("add", "Cargo.toml")
        self.git("commit", "--quiet", "--message", "built")
        self.revision = self.git("rev-parse", "HEAD")
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

    def test_waits_for_what_inspector_finds(self):
        # One answer for each question: ECR's is the same before Inspector has looked and, once, right after.
        active = json.dumps({"imageScanStatus": {"status": "ACTIVE"}, "imageScanFindings": {}}) + "\n"
        (self.fakes / "list-coverage").write_text("None\nPENDING_INITIAL_SCAN\nSUCCESSFUL")
        self.ecr("amd64", {"status": "ACTIVE"}, {"HIGH": 1}, 3 * active)
        self.assertEqual(self.run_script("scan", IMAGE), 1, self.output)
        self.assertIn("CVE-HIGH", self.output)
        self.assertIn(f'list-coverage --region eu-central-1 --filter-criteria {{"ecrRepositoryName": [{{"comparison": "EQUALS", "value": "echo-service"}}]', (self.fakes / "aws").read_text())
        self.ecr("amd64", {"status": "ACTIVE"})
        self.succeed("scan", IMAGE)
        for reason in ("INTERNAL_ERROR", "error AccessDeniedException"):
            (self.fakes / "list-coverage").write_text(reason)
            self.assertEqual(self.run_script("scan", IMAGE), 1, self.output)

    def test_refuses_what_is_critical_on_one_platform(self):
        self.ecr("arm64", {"status": "COMPLETE"}, {"CRITICAL": 1, "LOW": 2})
        self.assertEqual(self.run_script("scan", IMAGE), 1, self.output)
        self.assertIn("CRITICAL CVE-CRITICAL", self.output)
        self.assertNotIn("CVE-LOW", self.output)

    def test_asks_about_what_a_person_has_pushed_by_its_own_tag(self):
        (self.fakes / "describe-images").write_text(f"{self.revision}-arm64-by-hand")
        self.ecr("arm64-by-hand", {"status": "COMPLETE"}, {"HIGH": 1})
        self.assertEqual(self.run_script("scan", IMAGE), 1, self.output)
        self.assertIn("CVE-HIGH", self.output)

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
        (self.fakes / "describe-task-definition").write_text("ARM64")
        (self.fakes / "batch-get-image").write_text("{}")
        collector = self.fakes / f"describe-image-scan-findings-sha256:{64 * 'c'}"
        collector.write_text("error ScanNotFoundException")
        self.succeed("scan", "--running", "dev")
        self.assertIn("ECR has not scanned it", self.output)
        collector.write_text("error AccessDeniedException")
        self.assertEqual(self.run_script("scan", "--running", "dev"), 1, self.output)
        collector.write_text(json.dumps({"imageScanStatus": {"status": "ACTIVE"}, "imageScanFindings": {"findingSeverityCounts": {"HIGH": 1}}}))
        self.assertEqual(self.run_script("scan", "--running", "dev"), 1, self.output)
        self.assertIn("ECR has found {'HIGH': 1}", self.output)
        collector.write_text("error ScanNotFoundException")
        (self.fakes / "list-coverage").write_text("SUCCESSFUL")
        self.ecr("arm64", {"status": "ACTIVE"}, {"CRITICAL": 1})
        self.assertEqual(self.run_script("scan", "--running", "dev"), 1, self.output)

    def test_asks_for_the_collector_of_the_platform_that_runs(self):
        self.succeed("deploy", "dev", IMAGE)
        platforms = [("linux", "amd64", "d"), ("linux", "arm64", "e"), ("windows", "amd64", "f"), ("unknown", "unknown", "0")]
        index = {"manifests": [{"digest": "sha256:" + 64 * digit, "platform": {"os": system, "architecture": cpu}} for system, cpu, digit in platforms]}
        for digit, grave in (("c", 0), ("d", 0), ("e", 1)):
            answer = {"imageScanStatus": {"status": "ACTIVE"}, "imageScanFindings": {"findingSeverityCounts": {"HIGH": grave}}}
            (self.fakes / f"describe-image-scan-findings-sha256:{64 * digit}").write_text(json.dumps(answer))
        (self.fakes / "batch-get-image").write_text(json.dumps(index))
        for cpu, code in (("ARM64", 1), ("X86_64", 0)):
            (self.fakes / "describe-task-definition").write_text(cpu)
            self.assertEqual(self.run_script("scan", "--running", "dev"), code, self.output)
        # One that the tasks could not run, and one that may not be read.
        (self.fakes / "batch-get-image").write_text(json.dumps({"manifests": index["manifests"][1:]}))
        self.assertEqual(self.run_script("scan", "--running", "dev"), 1, self.output)
        self.assertIn("it holds no image for X86_64", self.output)
        (self.fakes / "batch-get-image").write_text("error AccessDeniedException")
        self.assertEqual(self.run_script("scan", "--running", "dev"), 1, self.output)
        self.assertIn("AccessDeniedException", self.output)


if __name__ == "__main__":
    unittest.main()
