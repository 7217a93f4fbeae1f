"""scripts/deliver/sbom lists the crates of the binary. Run by `scripts/test pipeline`."""

import json
import pathlib
import subprocess
import tempfile
import tomllib
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def sbom():
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "sbom.json"
        subprocess.run([ROOT / "scripts/deliver/sbom", file], check=True)
        return json.loads(file.read_text())


class Sbom(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sbom = sbom()
        cls.components = {(it["name"], it["version"]) for it in cls.sbom["components"]}

    def test_describes_the_service(self):
        self.assertEqual((self.sbom["bomFormat"], self.sbom["metadata"]["component"]["name"]), ("CycloneDX", "echo-service"))

    def test_lists_all_linked_crates_of_each_platform(self):
        for platform in ("x86_64", "aarch64"):
            tree = subprocess.check_output(
                ["cargo", "tree", "--locked", "--package", "echo-service", "--edges", "normal", "--prefix", "none", "--format", "{p}", "--target", f"{platform}-unknown-linux-gnu"],
                cwd=ROOT, text=True,
            )  # fmt: skip
            linked = {(name, version.removeprefix("v")) for name, version, *_ in map(str.split, tree.splitlines()) if name != "echo-service"}
            self.assertLess({"poem", "tokio"}, {name for name, _ in linked})
            self.assertEqual(linked - self.components, set())

    def test_versions_are_those_of_the_lock_file(self):
        locked = {(it["name"], it["version"]) for it in tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]}
        self.assertEqual(self.components - locked, set())

    def test_each_crate_has_a_licence_and_an_origin(self):
        for it in self.sbom["components"]:
            self.assertTrue(it["licenses"] and it["purl"].startswith("pkg:cargo/"), it["name"])

    def test_is_the_same_each_time(self):
        self.assertEqual(self.sbom, sbom())


if __name__ == "__main__":
    unittest.main()
