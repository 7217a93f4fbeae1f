"""Notes, files and release of a tag. Run by `scripts/test pipeline`; tests/image/push has a real image and registry."""

import json
import subprocess
import tarfile
import unittest

from checkout import ROOT, Scripts

CHANGELOG = "# Changelog\n\n## 2026-12-09\n\nlater\n\n## 0.1.0 (2026-12-02)\n\n### New\n\n- a change\n\n## 0.0.9\n\nearlier\n"
CARGO = '[workspace.package]\nversion = "0.1.0"\n\n[dependencies]\nversion = "7"\n'
# `export` writes an image with a binary of the platform; all calls are recorded.
CRANE = """#!/usr/bin/env python3
import io, os, pathlib, sys, tarfile
pathlib.Path(os.environ["FAKES"], "crane").open("a").write(" ".join(sys.argv[1:]) + "\\n")
if sys.argv[1] == "export":
    with tarfile.open(sys.argv[5], "w") as image:
        for name in ("echo-service", "etc/passwd"):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(sys.argv[3]), 0o755
            image.addfile(entry, io.BytesIO(sys.argv[3].encode()))
"""
IMAGE = "ghcr.io/o/echo@sha256:" + 64 * "a"
NAMES = ["SHA256SUMS", "echo-service-0.1.0-linux-amd64.tar.gz", "echo-service-0.1.0-linux-arm64.tar.gz", "echo-service-0.1.0.cdx.json"]


class Release(Scripts):
    def setUp(self):
        super().setUp()
        self.write("CHANGELOG.md", CHANGELOG)
        self.write("Cargo.toml", CARGO)
        self.write("LICENSE", (ROOT / "LICENSE").read_text())
        self.write("scripts/deliver/sbom", '#!/bin/sh\necho "{}" >"$1"\n', 0o755)
        self.fake("crane", CRANE)
        self.git("init", "--quiet")
        self.git("commit", "--quiet", "--allow-empty", "--message", "a")
        self.files = self.root / "release"

    def test_notes_are_the_entry_of_the_version(self):
        self.succeed("release-notes", "v0.1.0")
        self.assertEqual(self.stdout.split(), ["###", "New", "-", "a", "change"])

    def test_a_tag_of_another_version_or_without_an_entry_has_no_notes(self):
        self.assertEqual(self.run_script("release-notes", "v0.0.9"), 1)
        self.assertIn("use the tag v0.1.0", self.output)
        self.write("CHANGELOG.md", CHANGELOG.replace("0.1.0", "0.1.00"))
        self.assertEqual(self.run_script("release-notes", "v0.1.0"), 1)
        self.assertIn("CHANGELOG.md has no entry 0.1.0", self.output)

    def test_files_are_the_binaries_of_the_image_with_checksums(self):
        self.succeed("release-files", IMAGE, str(self.files))
        self.assertEqual(sorted(file.name for file in self.files.iterdir()), NAMES)
        with tarfile.open(self.files / NAMES[2]) as archive:
            self.assertEqual([it.name.rpartition("/")[2] for it in archive if it.isfile()], ["LICENSE", "echo-service"])
            binary = "echo-service-0.1.0-linux-arm64/echo-service"
            self.assertEqual((archive.extractfile(binary).read(), archive.getmember(binary).mode), (b"linux/arm64", 0o755))
        subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=self.files, check=True, capture_output=True)
        sums = (self.files / "SHA256SUMS").read_text()
        self.assertEqual(sums.count("\n"), 3)
        self.succeed("release-files", IMAGE, str(self.files))
        self.assertEqual((self.files / "SHA256SUMS").read_text(), sums)

    def test_a_release_has_notes_files_and_a_tagged_image(self):
        self.succeed("release-files", IMAGE, str(self.files))
        self.succeed("release", "v0.1.0", IMAGE, str(self.files))
        release = json.loads((self.fakes / "release.json").read_text())
        self.assertEqual((release["tag"], release["title"], sorted(release["files"])), ("v0.1.0", "Echo 0.1.0", NAMES))
        self.assertTrue("- a change" in release["notes"] and IMAGE in release["notes"], release["notes"])
        self.assertEqual((self.fakes / "crane").read_text().splitlines()[-1], f"tag {IMAGE} 0.1.0")

    def test_nothing_is_released_with_a_damaged_file_or_without_notes(self):
        self.succeed("release-files", IMAGE, str(self.files))
        (self.files / NAMES[1]).write_text("damaged")
        self.assertEqual(self.run_script("release", "v0.1.0", IMAGE, str(self.files)), 1, self.output)
        self.assertEqual(self.run_script("release", "v0.2.0", IMAGE, str(self.files)), 1, self.output)
        self.assertFalse((self.fakes / "release.json").exists())
        self.assertNotIn("tag ", (self.fakes / "crane").read_text())


if __name__ == "__main__":
    unittest.main()
