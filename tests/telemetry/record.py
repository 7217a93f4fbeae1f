"""Runs a task's collector and service with the planned settings, under load, and records the requests to AWS and the logs.

Usage: record.py PLAN FOLDER ECHO-SERVICE

Runs in a network namespace that maps AWS's names to loopback. So the collector has exactly Terraform's configuration,
with its endpoints, and cannot reach any other host. FOLDER gets `requests` (endpoints.py), `service.log` and
`collector.log`. The service has the planned settings, except for those in `changed`.
"""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import endpoints
import load
from botocore.session import Session
from plan import Plan

DYNAMODB_PORT = 8000
HEALTH = "http://127.0.0.1:13133"
PATIENCE = 60
# Duration of the load, long enough for several exports of the collector at its own pace.
LOAD_SECONDS = 15


def enter():
    namespaces = ["--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    os.execvp("unshare", ["unshare", *namespaces, sys.executable, "-B", *sys.argv, "inside"])


def prepare(folder):
    run = subprocess.check_call
    os.environ["PATH"] += ":/usr/sbin"
    run(["ip", "link", "set", "lo", "up"])
    run(["ip", "address", "add", f"{endpoints.LINK_LOCAL}/32", "dev", "lo"])
    hosts = folder / "hosts"
    hosts.write_text("".join(f"127.0.0.1 {name}\n" for name in ["localhost", *endpoints.ENDPOINTS]))
    run(["mount", "--bind", str(hosts), "/etc/hosts"])


def start(folder, name, command, environment):
    """Starts a process that inherits only PATH from this environment."""
    with (folder / f"{name}.log").open("wb") as log:
        return subprocess.Popen(
            command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder, env={"PATH": os.environ["PATH"]} | environment
        )


def wait_for(what, condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"{what}: waited for {PATIENCE} s")
        time.sleep(0.1)


def answers(url):
    try:
        return urllib.request.urlopen(url, timeout=5).status == 200
    except urllib.error.HTTPError as error:
        return error.code == 400  # DynamoDB's response to a GET
    except OSError:
        return False


def table(name):
    """Creates a table like modules/data-store."""
    keys = {"PK": "HASH", "SK": "RANGE"}
    os.environ |= {"AWS_ACCESS_KEY_ID": endpoints.CREDENTIALS["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": endpoints.CREDENTIALS["SecretAccessKey"]}
    dynamodb = Session().create_client("dynamodb", region_name=endpoints.REGION, endpoint_url=f"http://127.0.0.1:{DYNAMODB_PORT}")
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=[{"AttributeName": key, "KeyType": role} for key, role in keys.items()],
    )
    dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"})


def main(plan, folder, binary):
    plan, folder = Plan(Path(plan)), Path(folder)
    prepare(folder)
    endpoints.serve(folder)
    dynamodb = start(folder, "dynamodb", ["dynamodb-local", str(DYNAMODB_PORT)], {"DDB_LOCAL_TELEMETRY": "0"})
    collector = start(
        folder,
        "collector",
        ["echo-collector", "--config=env:AOT_CONFIG_CONTENT"],
        plan.environment("collector") | endpoints.ENVIRONMENT | {"SSL_CERT_FILE": str(folder / "ca.pem")},
    )
    planned = plan.environment("echo")
    wait_for("DynamoDB Local", lambda: answers(f"http://127.0.0.1:{DYNAMODB_PORT}"))
    table(planned["ECHO_STORE"].removeprefix("dynamodb:"))
    wait_for("the collector", lambda: answers(HEALTH))
    token, entry = re.findall(r"^(?:token|entry) [^:]*: *(\S+)", subprocess.check_output([binary, "key", "new"], text=True), re.MULTILINE)
    changed = {
        "ECHO_KEYS": entry,
        "ECHO_MOCK_RATE_LIMIT": "200",
        "ECHO_SHUTDOWN_DELAY": "0s",
        "OTEL_METRIC_EXPORT_INTERVAL": "1000",
        "AWS_ENDPOINT_URL_DYNAMODB": f"http://127.0.0.1:{DYNAMODB_PORT}",
    }
    service = start(folder, "service", [binary], planned | endpoints.ENVIRONMENT | changed)
    wait_for("the service", lambda: answers("http://127.0.0.1:8081/-/ready"))
    load.everything(token, LOAD_SECONDS)
    dynamodb.kill()
    load.without_store(token)
    load.many_points(planned["OTEL_EXPORTER_OTLP_ENDPOINT"])
    # Like ECS at the end of a task: stop the service first, and then the collector, which sends its remaining data.
    for process in (service, collector):
        process.send_signal(signal.SIGTERM)
        if process.wait(PATIENCE):
            sys.exit(f"{process.args[0]} ended with {process.returncode}")


if __name__ == "__main__":
    main(*sys.argv[1:-1]) if sys.argv[-1] == "inside" else enter()
