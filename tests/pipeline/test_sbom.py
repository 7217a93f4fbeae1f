"""That scripts/sbom names what the binary is made of. Run by `scripts/test pipeline`."""

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
        subprocess.run([ROOT / "scripts/sbom", file], check=True)
        return json.loads(file.read_text())


class Sbom(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sbom = sbom()
        cls.components = {(it["name"], it["version"]) for it in cls.sbom["components"]}

    def test_is_of_the_service(self):
        self.assertEqual((self.sbom["bomFormat"], self.sbom["metadata"]["component"]["name"]), ("CycloneDX", "echo-service"))

    def test_names_what_is_linked_on_each_platform(self):
        for platform in ("x86_64", "aarch64"):
            tree = subprocess.check_output(
                ["cargo", "tree", "--locked", "--package", "echo-service", "--edges", "normal", "--prefix", "none", "--format", "{p}", "--target", f"{platform}-unknown-linux-gnu"],
                cwd=ROOT, text=True,
            )  # fmt: skip
            linked = {(name, version.removeprefix("v")) for name, version, *_ in map(str.split, tree.splitlines()) if name != "echo-service"}
            self.assertLess({"poem", "tokio"}, {name for name, _ in linked})
            self.assertEqual(linked - self.components, set())

    def test_has_the_versions_of_the_lock_file(self):
        locked = {(it["name"], it["version"]) for it in tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]}
        self.assertEqual(self.components - locked, set())

    def test_says_licence_and_origin_of_each(self):
        for it in self.sbom["components"]:
            self.assertTrue(it["licenses"] and it["purl"].startswith("pkg:cargo/"), it["name"])

    def test_is_the_same_each_time(self):
        self.assertEqual(self.sbom, sbom())


if __name__ == "__main__":
    unittest.main()
