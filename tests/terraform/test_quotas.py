"""docs/deploying.md shows the quotas that the environments need, as scripts/deliver/check-account computes them. The script
knows the endpoints of infra/echo.

Run by `scripts/test roots`."""

import importlib.machinery
import importlib.util
import pathlib
import re
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
NUMBER = r"([\d.]+)"
loader = importlib.machinery.SourceFileLoader("check_account", str(ROOT / "scripts/deliver/check-account"))
check_account = importlib.util.module_from_spec(importlib.util.spec_from_loader("check_account", loader))
# A dataclass looks its module up.
sys.modules["check_account"] = check_account
loader.exec_module(check_account)


class Quotas(unittest.TestCase):
    def test_a_rollout_of_all_environments_fits(self) -> None:
        page = (ROOT / "docs/deploying.md").read_text()
        stages = [check_account.read(file.parent.name) for file in sorted(ROOT.glob("environments/*/main.tf")) if file.parent.name != "account"]
        for it in stages:
            needed = [it.rollout(it.least), it.rollout(it.most)]
            row = re.search(rf"^\| {it.name} \| {NUMBER} to {NUMBER} \| {NUMBER} \| {NUMBER} \| {NUMBER} \|$", page, re.M)
            self.assertIsNotNone(row, f"the table of quotas in docs/deploying.md has no row for {it.name}: add | {it.name} | {it.least} to {it.most} | {it.cpu:g} | {needed[0]:g} | {needed[1]:g} |")
            self.assertEqual([float(cell) for cell in row.groups()], [it.least, it.most, it.cpu, *needed], it.name)
        row = re.search(rf"^\| \*\*together\*\* \| \| \| \*\*{NUMBER}\*\* \| \*\*{NUMBER}\*\* \|$", page, re.M)
        together = [sum(it.rollout(it.least) for it in stages), check_account.quotas(stages)[check_account.ON_DEMAND]]
        self.assertEqual([float(cell) for cell in row.groups()], together)

    def test_values_on_several_lines_schedules_and_gateways_are_read(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "it/main.tf"
            file.parent.mkdir()
            file.write_text(
                'module "echo" {\n  network = { cidr = "10.0.0.0/16", zones = ["a", "c"], nat = "per_az" }\n  capacity = {\n    cpu = 512\n    min = 2\n    max = 4\n'
                "    schedules = { day = { min = 4, max = 10 } }\n  }\n  other = { max = 99 }\n}\n"
            )
            it = check_account.read("it", pathlib.Path(folder))
            self.assertEqual((it.least, it.most, it.zones, it.addresses, it.spot), (2, 10, ["a", "c"], 2, False))
            self.assertEqual(check_account.quotas([it]), {check_account.ON_DEMAND: 10, check_account.SPOT: 0, check_account.ADDRESSES: 2})
            file.write_text(file.read_text().replace("cpu = 512", "cpu = var.cpu"))
            with self.assertRaisesRegex(check_account.Unreadable, "environments/it/main.tf must have numbers"):
                check_account.read("it", pathlib.Path(folder))

    def test_the_endpoints_are_those_of_the_stack(self) -> None:
        reached = re.search(r'reached_services = setunion\(\[(.*?)\], values\(local\.telemetry_services\)\)', (ROOT / "infra/echo/locals.tf").read_text())[1]
        telemetry = re.search(r"telemetry_services = \{(.*)\}", (ROOT / "infra/echo/collector.tf").read_text())[1]
        self.assertEqual(sorted(re.findall(r'"([\w.]+)"', reached + telemetry)), sorted(check_account.ENDPOINTS))


if __name__ == "__main__":
    unittest.main()
