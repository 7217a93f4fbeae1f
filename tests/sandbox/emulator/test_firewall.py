"""The rate of a firewall's rule. Run by `scripts/test roots`."""

import sys
import types
import unittest
from pathlib import Path
from unittest import mock

sys.path.append(str(Path(__file__).resolve().parent))

# The rate needs nothing of MiniStack.
STANDINS = {name: types.ModuleType(name) for name in ("aws_metrics", "ministack", "ministack.services", "ministack.services.waf")}
STANDINS["ministack.services"].waf = STANDINS["ministack.services.waf"]
with mock.patch.dict(sys.modules, STANDINS):
    import firewall


class Rates(unittest.TestCase):
    def ask(self, rate, count, at, address="192.0.2.1"):
        return [rate.refuses(address, 100, 300, 10, at) for _ in range(count)]

    def test_an_address_above_the_limit_is_refused_from_the_next_check_until_its_rate_has_fallen(self):
        rate = firewall.Rate()
        self.assertFalse(any(self.ask(rate, 101, 1000)))
        self.assertEqual(self.ask(rate, 1, 1009), [False])
        self.assertEqual(self.ask(rate, 1, 1010), [True])
        self.assertEqual(self.ask(rate, 1, 1010, "192.0.2.2"), [False])
        self.assertEqual(self.ask(rate, 1, 1299), [True])
        self.assertEqual(self.ask(rate, 1, 1312), [False])

    def test_an_address_at_the_limit_passes(self):
        rate = firewall.Rate()
        self.assertFalse(any(self.ask(rate, 99, 1000) + self.ask(rate, 1, 1020)))
        self.assertEqual(self.ask(rate, 1, 1031), [True])
