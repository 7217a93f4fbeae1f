"""The environments contain only values: they differ in the arguments of one module call.

Run by `scripts/test roots`."""

import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENVIRONMENTS = ROOT / "environments"
STAGES = sorted(folder.parent.name for folder in ENVIRONMENTS.glob("*/main.tf") if folder.parent.name != "account")

# Arguments that may differ between environments. Another difference is a mistake, or needs a decision and a line here.
VALUES = {"access", "alarms", "capacity", "environment", "keys", "protect", "retention", "traces", "waf"}
# One of them.
NETWORKS = {"existing_network", "network"}
# Rules of a company, which an environment may have.
RULES = {"iam", "kms_key_arn"}
# Arguments that each operator sets, in the same way for each environment.
PASSED = {"collector_image_url", "cpu_architecture", "docker_image_url", "domain"}


# A region's name, such as eu-central-1.
REGION = r"\b(?:[a-z]{2}|us-gov|us-iso[a-z]?)-(?:central|(?:north|south)?(?:east|west)?)-[0-9]"


def read(stage: str, name: str) -> str:
    return (ENVIRONMENTS / stage / name).read_text()


def module_call(stage: str) -> dict[str, str]:
    """The arguments of the module call by name. `terraform fmt` guarantees the two spaces."""
    body = re.search(r'^module "echo" \{\n(.*?)^\}\n', read(stage, "main.tf"), re.M | re.S)
    return dict(re.findall(r"^  (\w+) += (.*)$", body[1], re.M))


def without_values(stage: str) -> str:
    """The root without comments, the environment's name, and the values."""
    text = re.sub(r"^\s*#.*\n", "", read(stage, "main.tf"), flags=re.M).replace(f'"{stage}', '"ENVIRONMENT')
    text = re.sub(rf"^  ({'|'.join(RULES)}) += .*\n", "", text, flags=re.M)
    text = re.sub(rf"^  ({'|'.join(NETWORKS)}) += .*$", r"  network", text, flags=re.M)
    return re.sub(rf"^  ({'|'.join(VALUES)}) += .*$", r"  \1", text, flags=re.M)


def regions_of(folder: pathlib.Path) -> list[str]:
    """The lines of the Terraform below a folder that name a region."""
    lines = ((path, number, line) for path in sorted(folder.glob("*/*.tf")) for number, line in enumerate(path.read_text().splitlines(), 1))
    return [f"{path.relative_to(folder)}:{number}: {line}" for path, number, line in lines if re.search(REGION, line)]


class Environments(unittest.TestCase):
    def test_stages_differ_in_declared_values_only(self) -> None:
        for stage in STAGES[1:]:
            with self.subTest(stage):
                self.assertEqual(without_values(STAGES[0]), without_values(stage))
                self.assertEqual(read(STAGES[0], "variables.tf"), read(stage, "variables.tf"))

    def test_stages_have_no_other_files(self) -> None:
        for stage in STAGES:
            with self.subTest(stage):
                command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "."]
                files = subprocess.check_output(command, cwd=ENVIRONMENTS / stage, text=True).splitlines()
                read_by_terraform = {file for file in files if re.search(r"\.tf(vars)?(\.json)?$", file)}
                self.assertEqual(read_by_terraform, {"main.tf", "variables.tf"})

    def test_each_stage_sets_every_value(self) -> None:
        for stage in STAGES:
            with self.subTest(stage):
                self.assertEqual(set(module_call(stage)) - NETWORKS - RULES, VALUES | PASSED | {"source"})
                self.assertEqual(len(set(module_call(stage)) & NETWORKS), 1, "a new network, or an existing one")
                self.assertEqual(module_call(stage)["environment"], f'"{stage}"')

    def test_the_role_of_each_stage_fits_its_state_and_its_tags(self) -> None:
        """infra/account derives key and tag from the name."""
        for stage in STAGES:
            with self.subTest(stage):
                self.assertRegex(read(stage, "main.tf"), rf'key +?= "{stage}/terraform.tfstate"')
                self.assertRegex(read(stage, "main.tf"), rf'Environment = "{stage}"')

    def test_each_stage_has_its_own_network(self) -> None:
        networks = [re.search(r'cidr = "([^"]+)"', module_call(stage)["network"])[1] for stage in STAGES if "network" in module_call(stage)]
        self.assertEqual(len(networks), len(set(networks)))

    def test_the_region_is_written_in_one_place(self) -> None:
        """Images, traces and roles of the account are in one region."""
        self.assertRegex((ENVIRONMENTS / "region.txt").read_text(), rf"^{REGION}\n$")
        self.assertEqual(regions_of(ENVIRONMENTS), [])
        for root in ENVIRONMENTS.glob("*/main.tf"):
            with self.subTest(root.parent.name):
                self.assertEqual(re.findall(r"^ *region += (.*)$", root.read_text(), re.M), ['trimspace(file("${path.module}/../region.txt"))'])

    def test_a_region_written_elsewhere_is_found(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            planted = pathlib.Path(folder) / "dev/main.tf"
            planted.parent.mkdir()
            for text in ('region = "us-east-1"', 'zones = ["ap-southeast-2a"]', 'key = "arn:aws:kms:us-gov-west-1:1:key/1"'):
                planted.write_text(f"# Comment\n{text}\n")
                self.assertEqual(regions_of(pathlib.Path(folder)), [f"dev/main.tf:2: {text}"])

    def test_protection_depends_on_all_else(self) -> None:
        for wiring in ("echo", "account"):
            with self.subTest(wiring):
                text = "\n".join(path.read_text() for path in sorted((ROOT / "infra" / wiring).glob("*.tf")))
                everything = {f"module.{name}" for name in re.findall(r'^module "(\w+)"', text, re.M)}
                everything |= {f"{kind}.{name}" for kind, name in re.findall(r'^resource "(\w+)" "(\w+)"', text, re.M)}
                protection = re.search(r'^module "protection" \{\n(.*?)^\}\n', text, re.M | re.S)[1]
                waits_for = set(re.findall(r"^    ([\w.]+),$", protection, re.M))
                self.assertEqual(waits_for, everything - {"module.protection"}, "protection must depend on all other modules and resources")

    def test_production_is_protected_and_in_three_zones(self) -> None:
        values = module_call("prod")
        self.assertEqual(values["protect"], "true")
        self.assertGreaterEqual(len(re.search(r"zones = \[([^]]+)\]", values["network"])[1].split(",")), 3)
        self.assertIn("enabled = true", values["waf"])

    def test_roots_are_thin(self) -> None:
        for root in sorted(path for path in ENVIRONMENTS.iterdir() if path.is_dir()):
            with self.subTest(root.name):
                lines = sum(len(path.read_text().splitlines()) for path in root.glob("*.tf"))
                self.assertLessEqual(lines, 100)
                self.assertNotRegex("\n".join(path.read_text() for path in root.glob("*.tf")), r'(?m)^(resource|data) "')

    def test_providers_are_in_environments_only_and_resources_in_modules_only(self) -> None:
        for folder, forbidden in (("modules", "provider"), ("infra", "provider"), ("infra/echo", "resource")):
            for path in sorted((ROOT / folder).rglob("*.tf")):
                with self.subTest(str(path.relative_to(ROOT))):
                    self.assertNotRegex(path.read_text(), rf'(?m)^{forbidden} "')


if __name__ == "__main__":
    unittest.main()
