"""The plan of each root's first apply: its costs on the page, and the tags of its resources.

ROOT_PLANS names the folder of planned.py. Run by `scripts/test plans`."""

import copy
import os
import pathlib
import unittest

import cost_table
from cost_table import PAGE, cost

PLANS = cost_table.read(pathlib.Path(os.environ["ROOT_PLANS"]))


def values(plan: dict, kind: str) -> list[dict]:
    return [resource["values"] for resource in cost.resources(plan["planned_values"]["root_module"]) if resource["type"] == kind]


def untagged(plan: dict, root: str) -> list[str]:
    """Resources that AWS could tag, without the tags for the allocation of costs."""
    wanted = {"Project": "echo", "Environment": root}
    found = []
    for resource in cost.resources(plan["planned_values"]["root_module"]):
        # Types without this attribute have no tags in AWS either.
        if "tags_all" in resource["values"] and not wanted.items() <= (resource["values"]["tags_all"] or {}).items():
            found.append(resource["address"])
    # Tasks are made by ECS.
    found += [f"tasks of {service['name']}" for service in values(plan, "aws_ecs_service") if service["propagate_tags"] != "SERVICE"]
    return found


class Costs(unittest.TestCase):
    def test_a_page_that_is_out_of_date_is_found(self) -> None:
        page = PAGE.read_text()
        self.assertEqual(page, cost_table.written(page, PLANS), "run scripts/generate/costs")
        changed = copy.deepcopy(PLANS)
        for resource in values(changed["prod"], "aws_ecs_task_definition"):
            resource["cpu"] = "2048"
        self.assertNotEqual(page, cost_table.written(page, changed))

    def test_a_page_without_its_table_is_found(self) -> None:
        with self.assertRaisesRegex(SystemExit, "BEGIN_COSTS "):
            cost_table.written(PAGE.read_text().replace("<!-- BEGIN_COSTS -->", ""), PLANS)

    def test_the_share_of_traced_calls_is_the_environments(self) -> None:
        self.assertEqual({root: cost.traced(plan) for root, plan in PLANS.items()} | {"account": 1}, {"account": 1, "dev": 1, "staging": 0.05, "prod": 0.05})


class Tags(unittest.TestCase):
    def test_each_resource_has_the_tags(self) -> None:
        for root, plan in PLANS.items():
            with self.subTest(root):
                self.assertGreater(sum("tags_all" in resource["values"] for resource in cost.resources(plan["planned_values"]["root_module"])), 3)
                self.assertEqual(untagged(plan, root), [])

    def test_a_resource_without_the_tags_is_found(self) -> None:
        for tags in (None, {}, {"Project": "echo"}, {"Project": "echo", "Environment": "prod"}):
            with self.subTest(tags):
                plan = copy.deepcopy(PLANS["dev"])
                (balancer,) = values(plan, "aws_lb")
                balancer["tags_all"] = tags
                self.assertEqual(untagged(plan, "dev"), ["module.echo.module.load_balancer.aws_lb.main"])
        plan = copy.deepcopy(PLANS["dev"])
        values(plan, "aws_ecs_service")[0]["propagate_tags"] = "NONE"
        self.assertEqual(untagged(plan, "dev"), ["tasks of echo"])


if __name__ == "__main__":
    unittest.main()
