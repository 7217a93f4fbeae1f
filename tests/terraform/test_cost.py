"""Prices of plans by scripts/deliver/cost, compared with prices calculated by hand.

Run by `scripts/test cost`."""

import importlib.machinery
import importlib.util
import json
import pathlib
import subprocess
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts/deliver/cost"
loader = importlib.machinery.SourceFileLoader("cost", str(SCRIPT))
cost = importlib.util.module_from_spec(importlib.util.spec_from_loader("cost", loader))
loader.exec_module(cost)


def state(*resources):
    """A state in Terraform's format: resources in modules in modules."""
    listed = [{"mode": "managed", "type": kind, "values": values} for kind, values in resources]
    listed.append({"mode": "data", "type": "aws_lb", "values": {}})
    return {"root_module": {"child_modules": [{"child_modules": [{"resources": listed}]}]}}


def service(min_capacity, spot, architecture="ARM64"):
    shares = [{"capacity_provider": "FARGATE", "base": 1, "weight": max(1, 100 - spot)}]
    shares += [{"capacity_provider": "FARGATE_SPOT", "base": None, "weight": spot}] if spot else []
    return (
        ("aws_ecs_task_definition", {"cpu": "1024", "memory": "2048", "runtime_platform": [{"cpu_architecture": architecture}]}),
        ("aws_ecs_service", {"capacity_provider_strategy": shares}),
        ("aws_appautoscaling_target", {"min_capacity": min_capacity}),
    )


def subnets(*zones):
    return [("aws_subnet", {"tags": {"Name": f"echo-test-{kind}-{zone}"}}) for kind in ("public", "private") for zone in zones]


class Cost(unittest.TestCase):
    def part(self, name, *resources):
        return round(cost.PARTS[name](cost.State(state(*resources))), 2)

    def test_tasks(self):
        one = (0.03238 + 2 * 0.00356) * 730
        self.assertEqual(self.part("tasks", *service(3, 0)), round(3 * one, 2))
        # One on demand, two on spare capacity at 30 %, except for one in 101.
        self.assertEqual(self.part("tasks", *service(3, 100)), round((1 + 2 * (1 + 100 * 0.3) / 101) * one, 2))
        self.assertEqual(self.part("tasks", *service(2, 50)), round(1.65 * one, 2))
        self.assertEqual(self.part("tasks", *service(1, 100, "X86_64")), round((0.04048 + 2 * 0.004445) * 730, 2))

    def test_leftovers_of_an_apply_are_not_priced(self):
        task, _, target = service(2, 0)
        self.assertEqual(self.part("tasks", task, target), 0)
        values = state(*service(1, 0))
        deposed = values["root_module"]["child_modules"][0]["child_modules"][0]["resources"]
        before = cost.PARTS["tasks"](cost.State(values))
        deposed.append(deposed[0] | {"deposed_key": "42b2cecc"})
        self.assertEqual(cost.PARTS["tasks"](cost.State(values)), before)

    def test_way_out_and_addresses(self):
        zonal = [*subnets("a", "b"), ("aws_nat_gateway", {"availability_mode": None}), ("aws_eip", {}), ("aws_lb", {})]
        self.assertEqual(self.part("way out: NAT gateways, interface endpoints", *zonal), 32.85)
        self.assertEqual(self.part("public addresses", *zonal), round(3 * 3.65, 2))
        regional = [*subnets("a", "b", "c"), ("aws_nat_gateway", {"availability_mode": "regional"}), ("aws_lb", {})]
        self.assertEqual(self.part("way out: NAT gateways, interface endpoints", *regional), round(3 * 32.85, 2))
        self.assertEqual(self.part("public addresses", *regional), round(6 * 3.65, 2))
        endpoints = [("aws_vpc_endpoint", {"vpc_endpoint_type": kind}) for kind in ("Interface", "Interface", "Gateway")]
        self.assertEqual(self.part("way out: NAT gateways, interface endpoints", *subnets("a", "b", "c"), *endpoints), round(6 * 7.3, 2))

    def test_load_balancer_firewall_secrets_reads_and_alarms(self):
        self.assertEqual(self.part("load balancer", ("aws_lb", {})), round(0.0305 * 730, 2))
        self.assertEqual(self.part("firewall", ("aws_wafv2_web_acl", {"rule": [{}] * 4})), 9)
        self.assertEqual(self.part("secrets and keys", *[("aws_secretsmanager_secret", {})] * 3, ("aws_kms_key", {})), 2.2)
        self.assertEqual(self.part("the table without traffic", *service(2, 0), ("aws_dynamodb_table", {})), 13.53)
        queries = [{"metric": [{}]}, {"metric": [{}]}, {"metric": []}]
        alarms = [("aws_cloudwatch_metric_alarm", {"metric_query": []}), ("aws_cloudwatch_metric_alarm", {"metric_query": queries})]
        self.assertEqual(self.part("alarms and dashboard", *alarms, ("aws_cloudwatch_dashboard", {})), 3.3)

    def test_the_table_has_prices_before_and_after(self):
        plan = {"prior_state": {"values": state(("aws_lb", {}))}, "planned_values": state(("aws_lb", {}), ("aws_kms_key", {}))}
        printed = subprocess.run([SCRIPT], input=json.dumps(plan), capture_output=True, text=True, check=True).stdout
        self.assertIn("| load balancer | 22.27 | 22.27 | +0.00 |", printed)
        self.assertIn("| secrets and keys | 0.00 | 1.00 | +1.00 |", printed)
        self.assertIn("| **together** | 22.27 | 23.27 | +1.00 |", printed)
        self.assertNotIn("firewall", printed)

    def test_other_input_than_a_plan_is_refused(self):
        for text in ("", "{}", "[]", "Plan: 1 to add"):
            with self.subTest(text):
                done = subprocess.run([SCRIPT], input=text, capture_output=True, text=True, check=False)
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                self.assertIn("terraform show -json", done.stderr)


if __name__ == "__main__":
    unittest.main()
