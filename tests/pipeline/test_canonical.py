"""tests/sandbox/emulator/canonical.py completes parameters as AWS does. Run by `scripts/test pipeline`."""

import sys
import unittest
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "sandbox/emulator"))

import canonical


class Normal(unittest.TestCase):
    def test_aws_fills_in_defaults_and_empty_lists(self):
        given = {"name": "it", "image": "it@sha256:0"}
        empty = {"environment": [], "mountPoints": [], "portMappings": [], "systemControls": [], "volumesFrom": []}
        self.assertEqual(canonical.container(given, "awsvpc"), given | {"cpu": 0, "essential": True} | empty)

    def test_what_was_given_stays(self):
        given = {"name": "it", "cpu": 64, "essential": False, "mountPoints": [{"sourceVolume": "it"}], "user": "1:1"}
        stored = canonical.container(given, "awsvpc")
        self.assertEqual({name: stored[name] for name in given}, given)

    def test_ports_health_checks_and_capabilities_are_completed(self):
        stored = canonical.container(
            {"portMappings": [{"containerPort": 80}], "healthCheck": {"command": ["CMD", "it"], "interval": 10}, "linuxParameters": {"capabilities": {"drop": ["ALL"]}}},
            "awsvpc",
        )
        self.assertEqual(stored["portMappings"], [{"containerPort": 80, "hostPort": 80, "protocol": "tcp"}])
        self.assertEqual(stored["healthCheck"], {"command": ["CMD", "it"], "interval": 10, "timeout": 5, "retries": 3})
        self.assertEqual(stored["linuxParameters"]["capabilities"], {"add": [], "drop": ["ALL"]})

    def test_variables_come_back_in_another_order(self):
        stored = canonical.container({"environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}, "awsvpc")
        self.assertEqual([variable["name"] for variable in stored["environment"]], ["B", "A"])

    def test_attributes_that_were_given_stay_and_others_have_their_defaults(self):
        given = [{"Key": "waf.fail_open.enabled", "Value": "true"}]
        told = canonical.with_defaults(given, canonical.LOAD_BALANCER)
        self.assertEqual(len(told), len(canonical.LOAD_BALANCER))
        self.assertEqual({"true"}, {attribute["Value"] for attribute in told if attribute["Key"] == "waf.fail_open.enabled"})
        self.assertEqual(canonical.with_defaults(told, canonical.LOAD_BALANCER), told)

    def test_listeners_have_as_many_attributes_as_on_aws(self):
        names = [name.split(".")[3] for name in canonical.TLS_LISTENER if ".request." in name]
        self.assertIn("x_amzn_mtls_clientcert_serial_number", names)
        self.assertEqual((len(canonical.LISTENER), len(canonical.TLS_LISTENER)), (11, 19))


if __name__ == "__main__":
    unittest.main()
