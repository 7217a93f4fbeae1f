"""scripts/tools takes the AWS provider from PROVIDER_COPIES. Run by `scripts/test pipeline`."""

import hashlib
import lzma
import re
import shutil
import unittest

from checkout import ROOT, Scripts


class Provider(Scripts):
    def setUp(self):
        super().setUp()
        shutil.copy(ROOT / "scripts/tools", self.root / "scripts/tools")
        version = re.search(r"^provider_version=(.+)$", (ROOT / "scripts/tools").read_text(), re.M)[1]
        self.binary = f"terraform-provider-aws_v{version}_x5"
        # The script takes the platform from Terraform.
        self.name = f"terraform-provider-aws_v{version}_linux_amd64"
        self.fake("terraform", '#!/bin/sh\necho \'{ "terraform_version": "1.11.4",\n "platform": "linux_amd64" }\'\n')
        self.env["PATH"] = f"{self.fakes.parent / 'bin'}:{self.env['PATH']}"

    def copy(self, content, checksum_of):
        (self.root / "copies").mkdir(exist_ok=True)
        (self.root / f"copies/{self.name}.xz").write_bytes(lzma.compress(content))
        (self.root / f"copies/{self.name}.sha256").write_text(f"{hashlib.sha256(checksum_of).hexdigest()}  {self.binary}\n")

    def installed(self):
        return {file.name: file.read_bytes() for file in self.fakes.parent.glob("terraform-mirror/**/*_x5")}

    def test_unpacks_a_copy_in_a_relative_folder(self):
        self.copy(b"provider", b"provider")
        self.succeed("tools", "provider", PROVIDER_COPIES="copies")
        self.assertEqual(self.installed(), {self.binary: b"provider"})

    def test_refuses_a_copy_with_another_checksum(self):
        self.copy(b"provider", b"another")
        self.assertEqual(self.run_script("tools", "provider", PROVIDER_COPIES="copies"), 1, self.output)
        self.assertEqual(self.installed(), {})

    def test_names_a_missing_copy(self):
        self.assertEqual(self.run_script("tools", "provider", PROVIDER_COPIES="nowhere"), 1, self.output)
        self.assertIn(f"{self.root}/nowhere/{self.name}.xz does not exist: put the copy there", self.output)


if __name__ == "__main__":
    unittest.main()
