"""Terraform changes an environment in an order that AWS accepts, and that keeps the tasks' network working. The tests read
the graphs of the real Terraform for the whole infra/echo.

Run by `scripts/test roots`."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHANGES = pathlib.Path(__file__).with_name("order.tftest.hcl")
SERVICE = "module.ecs_service.aws_ecs_service.main"
# Mock providers do not support ephemeral resources, so this code replaces modules/secrets.
SECRETS = """
output "entries_secret_arn" { value = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:it" }
output "entries_value_from" { value = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:it" }
output "token_secret_arns" { value = {} }
"""


class Graph:
    """The steps of an apply, and their dependencies. Steps have Terraform's names: `ADDRESS` creates or changes, and
    `ADDRESS (destroy)` destroys."""

    def __init__(self, log: str) -> None:
        graph = log.rpartition("with new graph:\n")[2]
        self.waits: dict[str, set[str]] = {}
        for line in graph.splitlines():
            if not (node := re.fullmatch(r"(  |    )(\S.*) - \*?[\w.]+", line)):
                break
            if node[1] == "  ":
                step = self.waits.setdefault(node[2], set())
            else:
                step.add(node[2])

    def before(self, step: str) -> set[str]:
        """All steps before a step."""
        seen, todo = set(), [step]
        while todo:
            todo += (new := self.waits[todo.pop()] - seen)
            seen |= new
        return seen


def graphs() -> dict[str, Graph]:
    """The graph of each apply in CHANGES, by the name of the run."""
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder)
        for name in ("infra", "modules"):
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*", "tests", "examples"))
        (copy / "modules/secrets/main.tf").unlink()
        (copy / "modules/secrets/outputs.tf").write_text(SECRETS)
        echo, log = copy / "infra/echo", copy / "log"
        (echo / "tests").mkdir()
        shutil.copy(CHANGES, echo / "tests")
        run = {"cwd": echo, "env": os.environ | {"TF_LOG_CORE": "trace", "TF_LOG_PATH": str(log)}, "text": True, "stdout": subprocess.PIPE}
        for command in ("init -backend=false", "test"):
            done = subprocess.run(["terraform", *command.split(), "-no-color"], stderr=subprocess.STDOUT, check=False, **run)
            if done.returncode:
                raise AssertionError(done.stdout)
        # Each part after this line builds one graph, whose last form Terraform walks. The last part is the destroy.
        applies = re.split(r"^.*Building and walking apply graph.*\n", log.read_text(), flags=re.M)[1:]
    names = re.findall(r'^run "(\w+)"', CHANGES.read_text(), flags=re.M)
    return {name: Graph(apply.partition("Starting graph walk: walkApply")[0]) for name, apply in zip(names, applies, strict=False)}


class Order(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.graphs = graphs()

    def expect_before(self, run: str, first: str, then: str) -> None:
        graph = self.graphs[run]
        for step in (first, then):
            # Not assertIn, because its message has the whole graph.
            self.assertTrue(step in graph.waits, f"{run} has no step {step}")
        self.assertTrue(first in graph.before(then), f"{run}: {then} does not wait for {first}")

    def test_networks_of_tasks_are_destroyed_after_their_replacement(self) -> None:
        route = lambda zone: f'module.network[0].aws_route.private_internet["{zone}"]'
        rule = "module.security_groups.aws_vpc_security_group_egress_rule.service_internet[0]"
        endpoints = [f'module.interface_endpoints.aws_vpc_endpoint.main["{service}"]' for service in ("ecr.api", "ecr.dkr", "logs", "monitoring", "secretsmanager", "xray")]
        # By run: steps that come first, and the kinds of resources destroyed afterwards.
        cases = {
            "without_a_zone": (
                [SERVICE],
                ['subnet.private["a"]', 'route_table.private["a"]', 'route_table_association.private["a"]', 'subnet.public["a"]', 'vpc_endpoint_route_table_association.private["s3-a"]'],
            ),
            "none_to_single": ([route("b"), route("c"), rule], ["vpc_endpoint.main"]),
            "single_with_an_earlier_zone": ([route("b"), route("c")], ['nat_gateway.zonal["b"]', 'eip.nat["b"]']),
            "per_az_to_single_without_a_zone": ([SERVICE, route("c")], ['nat_gateway.zonal["a"]', 'nat_gateway.zonal["c"]', 'eip.nat["c"]', 'subnet.private["a"]', 'route.private_internet["a"]']),
            "single_to_regional": ([route("b"), route("c")], ['nat_gateway.zonal["b"]', 'eip.nat["b"]']),
            "regional_to_none": (endpoints, ["nat_gateway.regional[0]", "route.private_internet", "vpc_security_group_egress_rule.service_internet"]),
        }
        for run, (first, kinds) in cases.items():
            steps = [step for step in self.graphs[run].waits if step.endswith(" (destroy)")]
            destroyed = [step for step in steps if re.match(r"module\.(network\[0\]|interface_endpoints)\.|module\.security_groups\..*_egress_rule", step)]
            for kind in kinds:
                self.assertTrue(any(f".aws_{kind}" in step for step in destroyed), f"{run} destroys no {kind}")
            for then in sorted(destroyed):
                for done in first:
                    with self.subTest(run, done=done, then=then):
                        self.expect_before(run, done, then)

    def test_endpoints_leave_a_subnet_before_its_destruction(self) -> None:
        self.expect_before("without_a_zone", 'module.interface_endpoints.aws_vpc_endpoint.main["logs"]', 'module.network[0].aws_subnet.private["a"] (destroy)')

    def test_a_change_of_protocol_replaces_the_listener_and_port_80_has_one_at_a_time(self) -> None:
        mocks, redirect = 'module.load_balancer.aws_lb_listener.main["mocks"]', "module.load_balancer.aws_lb_listener.redirect[0]"
        to_https, to_http = "single_with_an_earlier_zone", "single_to_per_az"
        for run in (to_https, to_http):
            self.expect_before(run, f"{mocks} (destroy)", mocks)
        self.expect_before(to_https, f"{mocks} (destroy)", redirect)
        self.expect_before(to_http, f"{redirect} (destroy)", mocks)


if __name__ == "__main__":
    unittest.main()
