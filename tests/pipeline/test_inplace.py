"""tests/sandbox/proofs/inplace.py: how it reads modules and plans, and that the sandbox changes each attribute of a module, or
lists a reason. Run by `scripts/test pipeline`."""

import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/sandbox/proofs"))

import inplace

RESOURCES = '''
locals {
  policy = {
    name = "not a resource's"
  }
}

resource "aws_lb" "main" {
  count = var.enabled ? 1 : 0

  name = join("-", [
    var.name,
    "it",
  ])
  # A comment, with = in it
  subnets = var.subnets

  access_logs {
    enabled = true
  }

  dynamic "rule" {
    for_each = var.rules

    content {
      priority = rule.key

      action {
        block {}
      }
    }
  }

  lifecycle {
    ignore_changes = [name]
  }
}

data "aws_region" "current" {
  name = "not a resource's"
}

resource "aws_eip" "nat" {
  domain = "vpc"
}
'''
LB = ("modules/load-balancer", "aws_lb.main")


def plan(actions, before, after, address="module.echo.module.load_balancer.aws_lb.main"):
    """As Terraform shows a plan of an environment that changes one load balancer."""
    calls = {"load_balancer": {"source": "../../modules/load-balancer", "module": {}}}
    return {
        "configuration": {"root_module": {"module_calls": {"echo": {"source": "../../infra/echo", "module": {"module_calls": calls}}}}},
        "resource_changes": [{
            "address": address, "module_address": address.rpartition(".aws_lb")[0], "mode": "managed", "type": "aws_lb", "name": "main",
            "change": {"actions": actions, "before": before, "after": after},
        }],
    }


class Configured(unittest.TestCase):
    def test_attributes_are_read_from_blocks_dynamic_blocks_and_empty_blocks(self):
        paths = {"name", "subnets", "access_logs.enabled", "rule.priority", "rule.action.block"}
        self.assertEqual(inplace.configured(RESOURCES), {"aws_lb.main": paths, "aws_eip.nat": {"domain"}})

    def test_each_resource_of_the_checkout_is_read(self):
        files = [path for parent in ("modules", "infra") for path in (ROOT / parent).glob("*/*.tf")]
        blocks = sum(path.read_text().count('\nresource "') + path.read_text().startswith('resource "') for path in files)
        self.assertEqual(sum(len(inplace.configured(path.read_text())) for path in files), blocks)
        self.assertGreater(blocks, 50)


class Declared(unittest.TestCase):
    def setUp(self):
        self.attributes = inplace.of_checkout(ROOT)
        self.changed, self.reasons = inplace.declared(ROOT, self.attributes)

    def test_each_attribute_is_changed_or_says_why_not(self):
        self.assertEqual(list(inplace.undeclared(self.attributes, self.changed, self.reasons)), [])

    def test_a_new_attribute_is_found(self):
        (said,) = inplace.undeclared(self.attributes | {(*LB, "enable_http2")}, self.changed, self.reasons)
        self.assertIn("modules/load-balancer aws_lb.main enable_http2", said)

    def test_an_attribute_that_an_override_forgets_is_found(self):
        (said,) = inplace.undeclared(self.attributes, self.changed - {(*LB, "idle_timeout")}, self.reasons)
        self.assertIn("idle_timeout", said)

    def test_what_has_gone_from_the_modules_is_found(self):
        gone = {it for it in self.attributes if it[1] != "aws_eip.nat"}
        said = "\n".join(inplace.undeclared(gone, self.changed, self.reasons))
        self.assertIn("modules/network aws_eip.nat: tests/sandbox/proofs/overrides overrides it", said)
        self.assertIn("aws_eip domain: take it out", said)


class InPlace(unittest.TestCase):
    attributes = {(*LB, "name"), (*LB, "idle_timeout"), (*LB, "access_logs.enabled")}

    def seen(self, *arguments):
        return {path for _, _, path in inplace.changed_in_place(plan(*arguments), self.attributes)}

    def test_attributes_that_an_update_changes_are_seen(self):
        before, after = {"name": "it", "idle_timeout": 60, "access_logs": [{"enabled": True}]}, {"name": "it", "idle_timeout": 61, "access_logs": []}
        self.assertEqual(self.seen(["update"], before, after), {"idle_timeout", "access_logs.enabled"})
        self.assertEqual(self.seen(["update"], before, before), set())

    def test_a_value_that_only_the_apply_knows_is_a_change(self):
        self.assertEqual(self.seen(["update"], {"idle_timeout": 60}, {}), {"idle_timeout"})

    def test_a_replacement_changes_nothing_in_place(self):
        for actions in (["delete", "create"], ["create", "delete"], ["create"], ["no-op"]):
            self.assertEqual(self.seen(actions, {"idle_timeout": 60}, {"idle_timeout": 61}), set())

    def test_the_order_and_number_of_blocks_are_no_change(self):
        before, after = ({"access_logs": [{"enabled": first}, {"enabled": not first}]} for first in (True, False))
        self.assertEqual(self.seen(["update"], before, after), set())
        self.assertEqual(self.seen(["update"], {"access_logs": [{"enabled": True}]}, {"access_logs": [{"enabled": True}, {"enabled": True}]}), set())

    def test_instances_of_for_each_and_count_belong_to_their_module(self):
        changes = inplace.changes_of(plan(["update"], {}, {}, 'module.echo["it"].module.load_balancer[0].aws_lb.main["a"]'))
        self.assertEqual([change[:2] for change in changes], [LB])


class Replacing(unittest.TestCase):
    reasons = {("aws_lb", "name"): inplace.REPLACES, ("aws_lb", "access_logs.bucket"): inplace.REPLACES}
    attributes = {(*LB, "name"), (*LB, "idle_timeout"), (*LB, "access_logs.bucket")}

    def replacing(self, actions, paths):
        before, after = ({"name": name, "idle_timeout": name, "access_logs": [{"bucket": name}]} for name in ("it", "other"))
        made = plan(actions, before, after)
        made["resource_changes"][0]["change"]["replace_paths"] = paths
        return tuple({path for _, _, path in found} for found in inplace.replacing(made, self.attributes, self.reasons))

    def test_an_attribute_that_replaces_its_resource_is_one_that_the_plan_names(self):
        self.assertEqual(self.replacing(["delete", "create"], [["name"], ["access_logs", 0, "bucket"]]), ({"name", "access_logs.bucket"}, set()))

    def test_an_attribute_that_only_changes_is_found(self):
        self.assertEqual(self.replacing(["delete", "create"], [["name"]]), ({"name"}, {"access_logs.bucket"}))
        self.assertEqual(self.replacing(["update"], []), (set(), {"name", "access_logs.bucket"}))


class Wrong(unittest.TestCase):
    attributes = {(*LB, path) for path in ("name", "subnets", "idle_timeout")}
    changed = {(*LB, "idle_timeout")}
    reasons = {("aws_lb", "name"): "the provider replaces the resource", ("aws_lb.main", "subnets"): "values"}

    def wrong(self, *seen, **options):
        found = {(*LB, path) for path in seen}
        return [said.removeprefix("modules/load-balancer aws_lb.main ") for said in inplace.wrong(self.attributes, found, self.changed, self.reasons, **options)]

    def test_what_is_said_is_what_was_seen(self):
        self.assertEqual(self.wrong("subnets", "idle_timeout"), [])

    def test_an_attribute_that_was_left_out_is_found(self):
        self.assertEqual(self.wrong("subnets"), ["idle_timeout was not changed in place by any plan"])
        self.assertEqual(self.wrong("idle_timeout"), ["subnets was not changed in place by any plan"])
        self.assertEqual(self.wrong("idle_timeout", values=False), [])

    def test_an_attribute_that_changes_and_is_said_to_stay_is_found(self):
        self.assertEqual([said.partition(":")[0] for said in self.wrong("name", "subnets", "idle_timeout")], ["name changes in place"])


if __name__ == "__main__":
    unittest.main()
