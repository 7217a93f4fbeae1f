"""Prices of plans by scripts/deliver/cost, compared with prices calculated by hand.

Run by `scripts/test cost`."""

import json
import pathlib
import re
import subprocess
import sys
import unittest

sys.path.append(str(pathlib.Path(__file__).parent))

from cost_table import ROOT, cost

SCRIPT = ROOT / "scripts/deliver/cost"
# Sentences of the modules' READMEs, with prices of eu-central-1.
READMES = {
    "infra/account": ("{key:g} USD a month for the key", "Spans cost {span_gb:.2f} USD per GB"),
    "modules/autoscaling": ("two CloudWatch alarms at {alarm_metric:.2f} USD a month",),
    "modules/container-registry": ("Storage costs {image_gb:.2f} USD per GB",),
    "modules/data-store": ("about 0.31 USD per GB and month",),
    "modules/interface-endpoints": ("about {endpoint_month:.0f} USD a month and zone, and {interface_endpoint_gb} USD for each GB", "NAT gateway ({nat_month:.0f} USD)"),
    "modules/load-balancer": ("About {balancer_month:.0f} USD a month", "{unit_month:.0f} USD for each unit of load", "{firewall_million:.1f} USD for each million"),
    "modules/network": ("| {nat_month:.0f} USD |", "NAT costs {nat_gateway_gb} USD for each GB", "about {log_gb} USD a GB"),
    "modules/secrets": ("{secret:.2f} USD a month for each secret",),
    "modules/observability": ("{alarm_metric:.2f} USD for each metric", "{dashboard:g} USD for the dashboard", "{log_gb:.2f} USD per GB"),
}


def state(*resources, region="us-east-1"):
    """A state in Terraform's format: resources in modules in modules."""
    listed = [{"mode": "managed", "type": kind, "values": {"region": region} | values} for kind, values in resources]
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


def printed(plan, *options):
    return subprocess.run([SCRIPT, *options], input=json.dumps(plan), capture_output=True, text=True, check=False)


class Cost(unittest.TestCase):
    def part(self, name, *resources, region="us-east-1", **use):
        return round(cost.PARTS[name](cost.State(state(*resources, region=region)), cost.Use(**use)), 2)

    def test_tasks(self):
        one = (0.03238 + 2 * 0.00356) * 730
        self.assertEqual(self.part("tasks", *service(3, 0)), round(3 * one, 2))
        # One on demand, two on spare capacity at 30 %, except for one in 101.
        self.assertEqual(self.part("tasks", *service(3, 100)), round((1 + 2 * (1 + 100 * 0.3) / 101) * one, 2))
        self.assertEqual(self.part("tasks", *service(2, 50)), round(1.65 * one, 2))
        self.assertEqual(self.part("tasks", *service(1, 100, "X86_64")), round((0.04048 + 2 * 0.004445) * 730, 2))

    def test_each_region_has_its_prices(self):
        in_frankfurt = lambda name, *resources: self.part(name, *resources, region="eu-central-1")
        self.assertEqual(in_frankfurt("tasks", *service(1, 0)), round((0.03725 + 2 * 0.00409) * 730, 2))
        self.assertEqual(in_frankfurt("load balancer", ("aws_lb", {})), round(0.027 * 730, 2))
        self.assertEqual(in_frankfurt("way out: NAT gateways, interface endpoints", ("aws_nat_gateway", {})), round(0.052 * 730, 2))
        for region in ("eu-central-1", "eu-west-1", "us-east-1", "us-east-2", "us-west-2"):
            for name in cost.DATA["prices"]:
                with self.subTest(region, price=name):
                    self.assertGreater(cost.State(state(("aws_lb", {}), region=region)).price(name), 0)

    def test_each_price_has_a_page_and_a_month_and_each_quantity_a_reason(self):
        for name, price in cost.DATA["prices"].items():
            with self.subTest(name):
                self.assertRegex(price["page"], r"^https://aws\.amazon\.com/[\w/-]+/pricing/|^https://aws\.amazon\.com/[\w-]+/pricing/")
                self.assertRegex(price["date"], r"^20\d\d-\d\d$")
        for name, quantity in cost.DATA["quantities"].items():
            with self.subTest(name):
                self.assertRegex(quantity["reason"], r"\.$")

    def test_an_unknown_region_names_the_known_ones(self):
        done = printed({"planned_values": state(("aws_lb", {}), region="eu-west-9")})
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("no prices of eu-west-9. Known regions: eu-central-1, eu-west-1, us-east-1, us-east-2, us-west-2. Add the region", done.stderr)

    def test_leftovers_of_an_apply_are_not_priced(self):
        task, _, target = service(2, 0)
        self.assertEqual(self.part("tasks", task, target), 0)
        values = state(*service(1, 0))
        deposed = values["root_module"]["child_modules"][0]["child_modules"][0]["resources"]
        before = cost.PARTS["tasks"](cost.State(values), cost.Use())
        deposed.append(deposed[0] | {"deposed_key": "42b2cecc"})
        self.assertEqual(cost.PARTS["tasks"](cost.State(values), cost.Use()), before)

    def test_way_out_and_addresses(self):
        zonal = [*subnets("a", "b"), ("aws_nat_gateway", {"availability_mode": None}), ("aws_eip", {}), ("aws_lb", {})]
        self.assertEqual(self.part("way out: NAT gateways, interface endpoints", *zonal), 32.85)
        self.assertEqual(self.part("public addresses", *zonal), round(3 * 3.65, 2))
        regional = [*subnets("a", "b", "c"), ("aws_nat_gateway", {"availability_mode": "regional"}), ("aws_lb", {})]
        self.assertEqual(self.part("way out: NAT gateways, interface endpoints", *regional), round(3 * 32.85, 2))
        self.assertEqual(self.part("public addresses", *regional), round(6 * 3.65, 2))
        # The plan knows neither subnets nor zones of new endpoints.
        endpoints = [("aws_vpc_endpoint", {"vpc_endpoint_type": kind}) for kind in ("Interface", "Interface", "Gateway")]
        self.assertEqual(self.part("way out: NAT gateways, interface endpoints", *subnets("a", "b", "c"), *endpoints), round(6 * 7.3, 2))

    def test_load_balancer_firewall_secrets_reads_and_alarms(self):
        self.assertEqual(self.part("load balancer", ("aws_lb", {})), round(0.0225 * 730, 2))
        self.assertEqual(self.part("firewall", ("aws_wafv2_web_acl", {"rule": [{}] * 4})), 9)
        self.assertEqual(self.part("secrets and keys", *[("aws_secretsmanager_secret", {})] * 3, ("aws_kms_key", {})), 2.2)
        # Two tasks, each with 20 reads a second and an item every 9 seconds.
        self.assertEqual(self.part("the table", *service(2, 0), ("aws_dynamodb_table", {})), round(2 * 730 * 3600 * (20.1111 * 0.125 + 0.1111 * 0.625) / 1e6, 2))
        queries = [{"metric": [{}]}, {"metric": [{}]}, {"metric": []}]
        alarms = [("aws_cloudwatch_metric_alarm", {"metric_query": []}), ("aws_cloudwatch_metric_alarm", {"metric_query": queries})]
        stack = json.dumps({"Resources": {"Slow": {"Type": "AWS::CloudWatch::Alarm"}, "Other": {"Type": "AWS::XRay::TransactionSearchConfig"}}})
        self.assertEqual(self.part("alarms and dashboard", ("aws_appautoscaling_policy", {})), 0.2)
        self.assertEqual(self.part("alarms and dashboard", *alarms, ("aws_cloudwatch_dashboard", {}), ("aws_cloudformation_stack", {"template_body": stack})), 3.4)
        self.assertEqual(self.part("metrics of Container Insights", ("aws_ecs_cluster", {"setting": [{"name": "containerInsights", "value": "enabled"}]})), 7.5)
        self.assertEqual(self.part("images", *[("aws_ecr_repository", {})] * 2), 1)

    def test_spans_and_flow_logs_of_health_checks(self):
        # Two addresses of the load balancer ask three tasks for two groups every ten seconds: four records each.
        groups = [("aws_lb_target_group", {"health_check": [{"interval": 10}]})] * 2
        checks = 2 * 3 * 2 * 730 * 360
        self.assertEqual(self.part("flow logs", *subnets("a", "b"), *service(3, 0), *groups, ("aws_flow_log", {})), round(checks * 4 * 140 / 1e9 * 0.5, 2))
        self.assertEqual(self.part("flow logs", *subnets("a", "b"), *service(3, 0), *groups), 0)
        # ECS asks each task as well.
        spans = checks + 3 * 730 * 360
        self.assertEqual(self.part("spans", *subnets("a", "b"), *service(3, 0), *groups), round(spans * 1300 / 1e9 * 0.5, 2))

    def test_use(self):
        calls = {"calls": 100e6, "traced": 0.5, "bytes_per_request": 4000}
        # 400 GB are 400 unit hours, and 10 million connections 111.
        self.assertEqual(self.part("load balancer", ("aws_lb", {}), **calls), round(0.0225 * 730 + 400 * 0.008, 2))
        self.assertEqual(self.part("load balancer", ("aws_lb", {}), **calls | {"bytes_per_request": 1}), round(0.0225 * 730 + 1e7 / 90_000 * 0.008, 2))
        self.assertEqual(self.part("firewall", ("aws_wafv2_web_acl", {"rule": []}), **calls), 5 + 60)
        spans = (50e6 + 730 * 360) * 1300 / 1e9
        self.assertEqual(self.part("spans", *service(1, 0), **calls), round(spans * 0.5, 2))
        self.assertEqual(self.part("way out: NAT gateways, interface endpoints", *service(1, 0), ("aws_nat_gateway", {}), **calls), round(32.85 + spans * 0.045, 2))
        self.assertEqual(self.part("flow logs", ("aws_flow_log", {}), **calls), round(1e7 * 4 * 140 / 1e9 * 0.5, 2))
        self.assertEqual(self.part("data to the internet", ("aws_lb", {}), **calls), 36)
        kept = ("aws_s3_bucket_lifecycle_configuration", {"rule": [{"id": "expire", "expiration": [{"days": 90}]}]})
        self.assertEqual(self.part("access logs", ("aws_lb", {}), kept, **calls), round(100e6 * 100 / 1e9 * 3 * 0.023, 2))
        # Eight write units and two read units each.
        self.assertEqual(self.part("the table", ("aws_dynamodb_table", {}), writes=1e6), round(8 * 0.625 + 2 * 0.125, 2))
        self.assertEqual(self.part("the service's log", *service(1, 0), writes=1e6), 0.2)

    def test_the_tables_have_prices_before_and_after_and_of_a_million(self):
        plan = {"prior_state": {"values": state(("aws_lb", {}))}, "planned_values": state(("aws_lb", {}), ("aws_kms_key", {}))}
        out = printed(plan).stdout
        self.assertIn("| US dollars a month in us-east-1, idle | before | after | difference |", out)
        self.assertIn("| load balancer | 16.43 | 16.43 | +0.00 |", out)
        self.assertIn("| secrets and keys | 0.00 | 1.00 | +1.00 |", out)
        self.assertIn("| **together** | 16.43 | 17.43 | +1.00 |", out)
        self.assertNotIn("firewall", out)
        self.assertIn("| US dollars for a million requests of 2,000 bytes | calls of mocks, 100% traced | writes |", out)
        self.assertIn("| data to the internet | 0.18 | 0.18 |", out)
        self.assertIn("| **together** | 0.20 | 0.20 |", out)

    def test_the_tables_have_the_given_traffic_and_the_plans_share_of_traced_calls(self):
        calls = {"echo": {"expressions": {"traces": {"constant_value": {"mock_ratio": 0.25}}}}}
        plan = {"planned_values": state(("aws_lb", {}), *service(1, 0)), "configuration": {"root_module": {"module_calls": calls}}}
        out = printed(plan, "--requests-per-month", "1e7", "--writes-per-month", "0", "--bytes-per-request", "1000").stdout
        self.assertIn("us-east-1, 10,000,000 calls, 0 writes |", out)
        # A quarter of ten million, and the checks of one task.
        self.assertIn("| spans | 0.00 | 1.80 | +1.80 |", out)
        self.assertIn("requests of 1,000 bytes | calls of mocks, 25% traced |", out)
        self.assertIn("| data to the internet | 0.00 | 0.90 | +0.90 |", out)
        # A share that the plan does not know.
        calls["echo"]["expressions"]["traces"] = {"references": ["var.traces"]}
        self.assertIn("100% traced", printed(plan).stdout)

    def test_other_input_than_a_plan_or_a_number_is_refused(self):
        for text in ("", "{}", "[]", "Plan: 1 to add"):
            with self.subTest(text):
                done = subprocess.run([SCRIPT], input=text, capture_output=True, text=True, check=False)
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                self.assertIn("terraform show -json", done.stderr)
        for text in ("-1", "many", "inf", "nan"):
            with self.subTest(text):
                self.assertEqual(printed({"planned_values": {}}, "--requests-per-month", text).returncode, 2)


class Readmes(unittest.TestCase):
    def faults(self, name, text):
        price = cost.State(state(("aws_lb", {}), region="eu-central-1")).price
        prices = {it: price(it) for it in cost.DATA["prices"]}
        months = {"nat_month": "nat_gateway", "endpoint_month": "interface_endpoint", "balancer_month": "load_balancer", "unit_month": "load_balancer_unit"}
        prices |= {month: 730 * price(f"{it}_hour") for month, it in months.items()} | {"firewall_million": 1e6 * price("firewall_request")}
        flat = re.sub(r"\s+", " ", text)
        return [sentence for sentence in (it.format(**prices) for it in READMES[name]) if sentence not in flat]

    def test_prices_in_readmes_are_those_of_the_script(self):
        for name in READMES:
            with self.subTest(name):
                text = (ROOT / name / "README.md").read_text()
                self.assertEqual(self.faults(name, text), [])
                cost_of = re.search(r"^## Cost\n(.*?)^## ", text, re.M | re.S)[1]
                self.assertNotRegex(cost_of, r"\b(us|eu|ap)-(?!central-1)\w+-\d", "READMEs have the prices of eu-central-1")
                # A planted price.
                self.assertTrue(self.faults(name, re.sub(r"[\d.]+ USD", "77 USD", text)))

    def test_no_other_readme_has_a_price(self):
        files = [*ROOT.glob("modules/*/README.md"), *ROOT.glob("infra/*/README.md")]
        self.assertEqual({str(file.parent.relative_to(ROOT)) for file in files if re.search(r"\d USD", file.read_text())}, set(READMES))


if __name__ == "__main__":
    unittest.main()
