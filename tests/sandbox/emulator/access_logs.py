"""Writes the access logs of load balancers into their buckets, every five minutes.

The format is AWS's ("Access log entries"). Fields without a value in the sandbox are -.
"""

import gzip
import time
import uuid
from collections import defaultdict
from datetime import datetime, timezone

import aws_metrics
from aws import REGION, Aws
from ministack.core.responses import get_account_id
from ministack.services import alb

SECONDS = 300
_s3 = Aws("http://127.0.0.1:4566").s3
# Lines to write, by load balancer.
_lines = defaultdict(list)


def start():
    aws_metrics.for_ever(_write)


def note(balancer, group, target, started, took, status, is_targets, method, path, headers):
    """Notes a request that the target or the load balancer answered after `took` seconds."""
    scheme, port = headers.get("x-forwarded-proto", "http"), headers.get("x-forwarded-port", "80")
    fields = [
        scheme,
        datetime.fromtimestamp(started + took, timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        balancer.partition("loadbalancer/")[2],
        # The sandbox does not know the client's port.
        headers.get("x-forwarded-for", "-").rpartition(",")[2].strip() + ":0",
        f"{target['Id']}:{target['Port']}" if target else "-",
        *(["0.000", f"{took:.3f}", "0.000"] if is_targets else ["-1"] * 3),
        str(status),
        str(status) if is_targets else "-",
        *["-"] * 2,
        f'"{method} {scheme}://{headers.get("host", "-").partition(":")[0]}:{port}{path} HTTP/1.1"',
        f'"{headers.get("user-agent", "-")}"',
        *["-"] * 2,
        group,
        f'"{headers.get("x-amzn-trace-id", "-")}"',
    ]
    _lines[balancer].append(" ".join(fields))


def _write():
    now = datetime.now(timezone.utc)
    for balancer in list(_lines):
        lines = _lines.pop(balancer)
        told = {attribute["Key"]: attribute["Value"] for attribute in alb._lb_attrs.get(balancer, [])}
        if told.get("access_logs.s3.enabled") == "true":
            folder = f"AWSLogs/{get_account_id()}/elasticloadbalancing/{REGION}/{now:%Y/%m/%d}"
            name = f"{get_account_id()}_elasticloadbalancing_{REGION}_{now:%Y%m%dT%H%MZ}_{uuid.uuid4().hex[:8]}.log.gz"
            body = gzip.compress("".join(f"{line}\n" for line in lines).encode())
            _s3.put_object(Bucket=told["access_logs.s3.bucket"], Key=f"{folder}/{name}", Body=body)
    return (time.time() // SECONDS + 1) * SECONDS
