"""Images that scripts/deliver/scan passes and refuses. Run by `scripts/test pipeline`."""

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
        # A fake of cargo deny: its findings are in a file. Keeps a copy of its manifest.
        self.fake("cargo", '#!/bin/sh\ncp "$3" "$FAKES/Cargo.toml"\n! cat "$FAKES/advisories" 2>/dev/null\n')
        for platform in ("amd64", "arm64"):
            self.ecr(platform, {"status": "COMPLETE"})

    def ecr(self, platform, status, severities=None, before=""):
        findings = [{"name": f"CVE-{severity}", "severity": severity} for severity in severities or {}]
        answer = {"imageScanStatus": status, "imageScanFindings": {"findingSeverityCounts": severities or {}, "findings": findings}}
        (self.fakes / f"describe-image-scan-findings-{self.revision}-{platform}").write_text(before + json.dumps(answer))

    def test_passes_an_image_without_critical_or_high_findings(self):
        self.ecr("arm64", {"status": "COMPLETE"}, {"MEDIUM": 3})
        self.succeed("scan", IMAGE)
        self.assertEqual((self.fakes / "Cargo.toml").read_text(), "# the one that was built\n")

    def test_waits_for_the_scan(self):
        before = "error ScanNotFoundException\n" + json.dumps({"imageScanStatus": {"status": "IN_PROGRESS"}}) + "\n"
        self.ecr("amd64", {"status": "COMPLETE"}, {"HIGH": 1}, before)
        self.assertEqual(self.run_script("scan", IMAGE), 1, self.output)
        self.assertIn("CVE-HIGH", self.output)

    def test_waits_for_the_scan_by_inspector(self):
        # One response for each request: ECR's is the same before Inspector's scan and, once, right after it.
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

    def test_refuses_a_critical_finding_on_one_platform(self):
        self.ecr("arm64", {"status": "COMPLETE"}, {"CRITICAL": 1, "LOW": 2})
        self.assertEqual(self.run_script("scan", IMAGE), 1, self.output)
        self.assertIn("CRITICAL CVE-CRITICAL", self.output)
        self.assertNotIn("CVE-LOW", self.output)

    def test_finds_an_image_pushed_by_hand_by_its_tag(self):
        (self.fakes / "describe-images").write_text(f"{self.revision}-arm64-by-hand")
        self.ecr("arm64-by-hand", {"status": "COMPLETE"}, {"HIGH": 1})
        self.assertEqual(self.run_script("scan", IMAGE), 1, self.output)
        self.assertIn("CVE-HIGH", self.output)

    def test_says_that_ecr_cannot_scan_an_image_without_an_operating_system(self):
        for status in ({"status": "UNSUPPORTED_IMAGE"}, {"status": "FAILED", "description": "UnsupportedImageError: The operating system '' is not supported."}):
            self.ecr("amd64", status)
            self.succeed("scan", IMAGE)
            self.assertIn("ECR cannot scan the image", self.output)

    def test_refuses_an_image_whose_scan_failed(self):
        for answer in ({"status": "FAILED", "description": "Internal"}, {"status": "LIMIT_EXCEEDED"}):
            self.ecr("amd64", answer)
            self.assertEqual(self.run_script("scan", IMAGE), 1, self.output)
        self.ecr("amd64", {"status": "COMPLETE"}, before="error AccessDeniedException\n")
        self.assertEqual(self.run_script("scan", IMAGE), 1, self.output)

    def test_refuses_a_crate_with_an_advisory(self):
        (self.fakes / "advisories").write_text("RUSTSEC-2026-0001")
        self.assertEqual(self.run_script("scan", IMAGE), 1, self.output)
        self.assertIn("RUSTSEC-2026-0001", self.output)

    def test_refuses_an_image_without_a_commit(self):
        (self.fakes / "describe-images").write_text("latest")
        self.assertEqual(self.run_script("scan", IMAGE), 1, self.output)
        (self.fakes / "describe-images").write_text(40 * "0")
        self.assertEqual(self.run_script("scan", IMAGE), 1, self.output)
        self.assertEqual(self.run_script("scan", IMAGE.replace("@", ":")), 1, self.output)

    def test_scans_the_running_image_and_its_collector(self):
        self.succeed("scan", "--running", "dev")
        self.assertIn("nothing runs in dev", self.output)
        self.succeed("deploy", "dev", IMAGE)
        (self.fakes / "describe-task-definition").write_text("ARM64")
        (self.fakes / "batch-get-image").write_text("{}")
        collector = self.fakes / f"describe-image-scan-findings-sha256:{64 * 'c'}"
        collector.write_text("error ScanNotFoundException")
        self.succeed("scan", "--running", "dev")
        self.assertIn("ECR has no scan of the image", self.output)
        collector.write_text("error AccessDeniedException")
        self.assertEqual(self.run_script("scan", "--running", "dev"), 1, self.output)
        collector.write_text(json.dumps({"imageScanStatus": {"status": "ACTIVE"}, "imageScanFindings": {"findingSeverityCounts": {"HIGH": 1}}}))
        self.assertEqual(self.run_script("scan", "--running", "dev"), 1, self.output)
        self.assertIn("ECR has found {'HIGH': 1}", self.output)
        collector.write_text("error ScanNotFoundException")
        (self.fakes / "list-coverage").write_text("SUCCESSFUL")
        self.ecr("arm64", {"status": "ACTIVE"}, {"CRITICAL": 1})
        self.assertEqual(self.run_script("scan", "--running", "dev"), 1, self.output)

    def test_scans_the_collector_for_the_platform_of_the_tasks(self):
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
        # An index without the tasks' platform, and an index that cannot be read.
        (self.fakes / "batch-get-image").write_text(json.dumps({"manifests": index["manifests"][1:]}))
        self.assertEqual(self.run_script("scan", "--running", "dev"), 1, self.output)
        self.assertIn("the index holds no image for X86_64", self.output)
        (self.fakes / "batch-get-image").write_text("error AccessDeniedException")
        self.assertEqual(self.run_script("scan", "--running", "dev"), 1, self.output)
        self.assertIn("AccessDeniedException", self.output)


if __name__ == "__main__":
    unittest.main()
