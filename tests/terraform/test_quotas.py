"""docs/deploying.md requests the quotas that the environments need.

Run by `scripts/test roots`."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
NUMBER = r"([\d.]+)"


class Quotas(unittest.TestCase):
    def test_a_rollout_of_all_environments_fits(self) -> None:
        page, together = (ROOT / "docs/deploying.md").read_text(), [0.0, 0.0]
        for stage in sorted(file.parent.name for file in ROOT.glob("environments/*/main.tf") if file.parent.name != "account"):
            capacity = re.search(r"^  capacity += (.*)$", (ROOT / f"environments/{stage}/main.tf").read_text(), re.M)[1]
            cpu, least, most = (float(re.search(rf"\b{name} = {NUMBER}", capacity)[1]) for name in ("cpu", "min", "max"))
            # A rollout starts as many new tasks as there are old ones (modules/ecs-service).
            needed = [2 * count * cpu / 1024 for count in (least, most)]
            together = [sum(pair) for pair in zip(together, needed, strict=True)]
            row = re.search(rf"^\| {stage} \| {NUMBER} to {NUMBER} \| {NUMBER} \| {NUMBER} \| {NUMBER} \|$", page, re.M)
            self.assertIsNotNone(row, f"the table of quotas in docs/deploying.md has no row for {stage}: add | {stage} | {least:g} to {most:g} | {cpu / 1024:g} | {needed[0]:g} | {needed[1]:g} |")
            self.assertEqual([float(cell) for cell in row.groups()], [least, most, cpu / 1024, *needed], stage)
        row = re.search(rf"^\| \*\*together\*\* \| \| \| \*\*{NUMBER}\*\* \| \*\*{NUMBER}\*\* \|$", page, re.M)
        self.assertEqual([float(cell) for cell in row.groups()], together)
        self.assertIn(f"--quota-code L-3032A538 --desired-value {together[1]:g}\n", page)


if __name__ == "__main__":
    unittest.main()
