"""Writes the costs of all roots into docs/deploying.md, from their plans and scripts/deliver/cost.

`cost_table.py FOLDER` prints the page with the costs of FOLDER/ROOT.json (planned.py).
"""

import importlib.machinery
import importlib.util
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/deploying.md"
loader = importlib.machinery.SourceFileLoader("cost", str(ROOT / "scripts/deliver/cost"))
cost = importlib.util.module_from_spec(importlib.util.spec_from_loader("cost", loader))
sys.modules["cost"] = cost
loader.exec_module(cost)

# In the order of the page.
ROOTS = ["account", "dev", "staging", "prod"]


def read(folder: pathlib.Path) -> dict[str, dict]:
    there = {file.stem: json.loads(file.read_text()) for file in folder.glob("*.json")}
    return {root: there[root] for root in sorted(there, key=lambda root: (ROOTS.index(root) if root in ROOTS else len(ROOTS), root))}


def row(name: str, cells: list[str]) -> str:
    return f"| {name} | {' | '.join(cells)} |"


def blocks(plans: dict[str, dict]) -> dict[str, str]:
    """The generated parts of the page, by their names."""
    states = {root: cost.State(plan["planned_values"]) for root, plan in plans.items()}
    uses = {root: cost.Use(traced=cost.traced(plan)) for root, plan in plans.items()}
    months = {root: cost.month(state, cost.Use()) for root, state in states.items()}
    millions = {root: cost.million(state, uses[root]) for root, state in states.items()}
    (region,) = {state.region for state in states.values()}
    money = lambda usd, digits: f"{usd:,.{digits}f}" if round(usd, digits) else "–"

    table = [row(f"US dollars in {region}", list(plans)), f"| --- |{' ---: |' * len(plans)}"]
    table += [row(part, [money(usd, 0) for usd in cells]) for part, cells in cost.rows(list(months.values())) if any(round(usd) for usd in cells)]
    for name, which in (("a million calls of mocks", 0), ("a million writes", 1)):
        table.append(row(name, [money(sum(millions[root][which].values()), 2) for root in plans]))
    together = ", ".join(f"{root} {sum(column.values()):,.0f}" for root, column in months.items())
    return {"COSTS": "\n".join(table), "COSTS_TOGETHER": f"US dollars a month in {region}: {together}."}


def written(page: str, plans: dict[str, dict]) -> str:
    """The page with the costs of these plans."""
    for name, text in blocks(plans).items():
        page, count = re.subn(rf"(<!-- BEGIN_{name} -->\n\n).*?(\n\n<!-- END_{name} -->)", lambda found, text=text: found[1] + text + found[2], page, flags=re.S)
        if count != 1:
            sys.exit(f"{PAGE.name} has {count} parts between <!-- BEGIN_{name} --> and <!-- END_{name} -->: write one")
    return page


if __name__ == "__main__":
    print(written(PAGE.read_text(), read(pathlib.Path(sys.argv[1]))), end="")
