"""Refuses clients above a rate rule of the web ACL that is associated with a load balancer.

As AWS WAF does ("Rate-based rule statements"): a rule counts the requests of each address in its window, and looks at the counts again and again,
not at each request. So a client passes the limit for some seconds, and is let in again some seconds after its rate has fallen. The sandbox evaluates
rate rules by address without a scope; managed rule groups and other rules need AWS's own lists, and let everything pass here.
"""

import time
from collections import Counter, deque

import aws_metrics
import periods
from ministack.services import waf

# AWS checks the rates about every ten seconds.
CHECK_SECONDS = 10
REFUSAL = b"<html>\r\n<head><title>403 Forbidden</title></head>\r\n<body>\r\n<center><h1>403 Forbidden</h1></center>\r\n</body>\r\n</html>\r\n"


class Rate:
    """The requests of each address in the window of one rule."""

    def __init__(self):
        self.seconds, self.counts, self.refused, self.checked = deque(), Counter(), set(), 0

    def refuses(self, address, limit, window, pause, now):
        if not self.seconds or self.seconds[-1][0] != int(now):
            self.seconds.append((int(now), Counter()))
        self.seconds[-1][1][address] += 1
        self.counts[address] += 1
        while self.seconds[0][0] < now - window:
            self.counts -= self.seconds.popleft()[1]
        if now >= self.checked + pause:
            self.refused, self.checked = {one for one, count in self.counts.items() if count > limit}, now
        return address in self.refused


# By ACL and rule.
_rates = {}


def refuses(balancer, address):
    """Whether the web ACL of a load balancer refuses a request from this address."""
    acl, error = waf._resolve_local_web_acl(waf._associations.get(balancer, ""))
    if error or not acl:
        return False
    for rule in sorted(acl["Rules"], key=lambda rule: rule["Priority"]):
        statement = rule["Statement"].get("RateBasedStatement", {})
        if statement.get("AggregateKeyType") != "IP" or "ScopeDownStatement" in statement or "Block" not in rule.get("Action", {}):
            continue
        rate = _rates.setdefault((acl["ARN"], rule["Name"]), Rate())
        window = periods.of(statement.get("EvaluationWindowSec", 300))
        if rate.refuses(address, statement["Limit"], window, periods.of(CHECK_SECONDS), time.time()):
            for name in ("ALL", rule["VisibilityConfig"]["MetricName"]):
                aws_metrics.publish("AWS/WAFV2", "BlockedRequests", 1, WebACL=acl["VisibilityConfig"]["MetricName"], Region=aws_metrics.region(), Rule=name)
            return True
    return False
