"""Drills: breaks an environment as AWS may break it, and follows docs/runbook.md: from the alarm, by its commands, to the cause, and back.

Needs a sandbox with the environment (tests/sandbox/run --drills makes one). An alarm takes minutes, all drills 60 minutes.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

# Clients of the emulated AWS.
sys.path.append(str(Path(__file__).resolve().parents[1] / "emulator"))

from client import Echo, expect
from harness import ROOT, STATE, proving, results, sandbox, succeed
from strict import Packets

RUNBOOK = (ROOT / "docs/runbook.md").read_text()
# The runbook uses version 2 of AWS's CLI. Version 1 lacks one command.
PRELUDE = """
if ! command aws logs tail help >/dev/null 2>&1; then
  aws() {
    if [[ "$1 $2" != "logs tail" ]]; then command aws "$@"; return; fi
    local given=(--log-group-name "$3") since
    shift 3
    while (($#)); do
      case $1 in
        --since) since=${2%m} && given+=(--start-time "$((($(date +%s) - 60 * since) * 1000))") ;;
        *) given+=("$1" "$2") ;;
      esac
      shift 2
    done
    command aws logs filter-log-events "${given[@]}" --query 'events[].[message]' --output text
  }
fi
"""
# Maximum time until an alarm rings, and until it ends: the longest window is fifteen minutes.
PATIENCE = 25 * 60
# Time of calls that ring no alarm. An alarm on calls rings after six minutes.
ON_PURPOSE = 10 * 60
# Time in which the service gives up an open connection without an answer.
OPEN_CONNECTIONS = 60
# Access logs arrive every five minutes.
LATE = 6 * 60


def commands(entry, containing=""):
    """The first block of commands of an entry that contains `containing`."""
    section = re.search(rf"^#+ {re.escape(entry)}$(.*?)(?=^#+ |\Z)", RUNBOOK, re.M | re.S)[1]
    return next(block for block in re.findall(r"^```sh\n(.*?)^```", section, re.M | re.S) if containing in block)


def shown_by(echo, entry, containing):
    """The output of an entry's commands."""
    script = f"export E={echo.name}\n{PRELUDE}\n{commands(entry, containing)}"
    command = [ROOT / "scripts/sandbox", "exec", "bash", "-c", script]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False).stdout


def look(echo, entry, containing, pattern):
    """Expects the cause in the output of an entry. Logs of load balancers arrive late."""
    deadline = time.monotonic() + LATE
    while not re.search(pattern, shown := shown_by(echo, entry, containing)):
        if time.monotonic() > deadline:
            raise AssertionError(f"the commands of {entry} do not show {pattern}:\n{shown[-3000:]}")
        time.sleep(20)


def look_before(echo, entry, containing, pattern):
    """Expects another output before the fault: otherwise the cause proves nothing."""
    if re.search(pattern, shown := shown_by(echo, entry, containing)):
        raise AssertionError(f"the commands of {entry} show {pattern} although nothing is broken:\n{shown[-3000:]}")


def draw(echo, name):
    """Keeps a picture of the dashboard, for a person."""
    picture = succeed("dashboard", echo.env).splitlines()[-1]
    print(f"  the dashboard: {shutil.copy(picture, ROOT / 'target' / f'{name}.png')}", flush=True)


def ringing(echo):
    alarms = echo.aws.cloudwatch.describe_alarms(AlarmNamePrefix=f"{echo.name}-", StateValue="ALARM")["MetricAlarms"]
    return {alarm["AlarmName"].removeprefix(f"{echo.name}-") for alarm in alarms}


def until(what, holds):
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"not in {PATIENCE // 60} minutes: {what}")
        time.sleep(5)


def inside(*command):
    return subprocess.check_output([ROOT / "scripts/sandbox", "exec", *command], text=True)


@contextlib.contextmanager
def for_ever(work):
    """Repeats `work` meanwhile. Failures belong to the drill."""
    over = threading.Event()

    def again():
        while not over.is_set():
            with contextlib.suppress(Exception):
                work()
            over.wait(0.1)

    thread = threading.Thread(target=again)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def podman(*arguments):
    return inside("podman", "--remote", "--url", "unix:///mnt/podman.sock", *arguments)


@contextlib.contextmanager
def tasks_are_killed(echo):
    def kill():
        if names := podman("ps", "--format", "{{.Names}}", "--filter", "name=-echo$").split():
            podman("kill", *names)
        time.sleep(2)

    with for_ever(kill):
        yield


@contextlib.contextmanager
def store_is_cut_off(echo):
    """Removes the ways to DynamoDB from the tasks' security group. AWS tracks open connections and lets them live on, so this ends them as well."""
    groups = echo.aws.ec2.describe_security_groups(Filters=[{"Name": "tag:Name", "Values": [f"{echo.name}-service"]}])["SecurityGroups"]
    rules = echo.aws.ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [groups[0]["GroupId"]]}])["SecurityGroupRules"]
    ways = [rule["SecurityGroupRuleId"] for rule in rules if re.search("dynamodb|NAT", rule.get("Description") or "")]
    drop = ["INPUT", "--destination", Packets(echo).service("dynamodb"), "--protocol", "tcp", "--dport", "443", "--jump", "DROP"]
    echo.aws.ec2.revoke_security_group_egress(GroupId=groups[0]["GroupId"], SecurityGroupRuleIds=ways)
    inside("iptables", "--insert", *drop)
    time.sleep(OPEN_CONNECTIONS)
    inside("iptables", "--delete", *drop)
    yield
    # The plan shows the removed rules.
    code, output = sandbox("plan", echo.env)
    expect("the plan", (code, "service_gateway_endpoints" in output), (2, True))
    terraform = f"terraform() {{ {ROOT}/scripts/sandbox terraform {echo.env} \"${{@:2}}\"; }}"
    subprocess.check_call(["bash", "-c", f"{terraform}\nROOT=environments/{echo.env}\n{commands('Drift', 'state rm')}"])
    succeed("up", echo.env, "--image", (STATE / "image").read_text().strip())


@contextlib.contextmanager
def clients_flood(echo):
    """Opens more connections than the limit, from one address."""
    url = "http://127.0.0.1:80/all/the/while"
    command = [ROOT / "scripts/sandbox", "exec", "wrk", "--connections", "256", "--duration", "1h", url]
    flood = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        yield
    finally:
        # All processes: the script would end and leave the flood.
        os.killpg(flood.pid, signal.SIGTERM)
        flood.wait()


@contextlib.contextmanager
def mocks_fail_on_purpose(echo):
    """Calls mocks that answer late, with 503, or not at all, for longer than alarms on calls need. None rings."""
    responses = {"late": {"delay": "2s"}, "refusing": {"code": 503}, "cut": {"fault": "reset"}}
    for path, response in responses.items():
        attributes = {"verb": "GET", "path": f"/on/purpose/{path}", "response": {"code": 200} | response}
        expect(f"the creation of {path}", echo.manage("POST", "/endpoints", {"data": {"type": "endpoints", "attributes": attributes}})[0], 201)
    with contextlib.ExitStack() as calls:
        for path in responses:
            calls.enter_context(for_ever(lambda path=path: echo.mocks.ask("GET", f"/on/purpose/{path}")))
        time.sleep(ON_PURPOSE)
        expect("the ringing alarms", ringing(echo), set())
        yield


@contextlib.contextmanager
def memory_is_full(echo):
    """Creates large mocks until Echo refuses them. Then deletes them and replaces the tasks, as in the runbook."""
    made = []
    try:
        while (answer := echo.ask_for("GET", f"/large/{len(made)}", body="x" * 250_000))[0] != 507:
            expect("the answer to a creation", answer[0], 201)
            made.append(json.loads(answer[2])["data"]["id"])
        yield
    finally:
        for endpoint in made:
            echo.delete(endpoint)
        shown_by(echo, "memory-saturated", "force-new-deployment")


# Each drill, its alarms, and its looks: entry, a word of the block of commands, the expected output.
DRILLS = {
    "tasks": (tasks_are_killed, {"load-balancer-5xx"}, [
        ("First look", "describe-alarms", "load-balancer-5xx"),
        ("tasks-missing", "STOPPED", "(?s)Essential container exited.*137"),
    ]),
    "store": (store_is_cut_off, {"management-5xx", "mocks-faults", "error-lines", "unhealthy-tasks"}, [
        ("First look", "describe-alarms", "(?s)mocks-faults.*unavailable.*the store failed.*timeout"),
        ("unhealthy-tasks", "describe-target-health", r"Target.ResponseCodeMismatch.*\[503\]"),
        # Of the two prefix lists, DynamoDB's is missing.
        ("management-5xx", "describe-security-groups", r"(?s)\A(?=.*-service-)(?!.*\bpl-.*\bpl-)"),
    ]),
    # Echo itself stays quick, and the sandbox's tasks have no limit of CPU that could ring.
    "flood": (clients_flood, set(), [
        ("Who sends that?", "access-logs", r"\d{5,} 200 200 127.0.0.1"),
    ]),
    "purpose": (mocks_fail_on_purpose, set(), [
        ("Who sends that?", "access-logs", r"\d{2,} 502 - 127.0.0.1"),
        ("Delays and faults of mocks", "explain", r'/on/purpose/cut \S+ "fault":"reset"'),
    ]),
    "memory": (memory_is_full, {"mocks-near-limit"}, [
        ("First look", "describe-alarms", "mocks-near-limit"),
        ("Who sends that?", "management request", r"\d{3,} admin POST 201"),
    ]),
}


def prove(echo, name):
    broken, alarms, looks = DRILLS[name]
    with proving(f"{name}: {', '.join(sorted(alarms)) or 'no alarms'} ring, the runbook leads to the cause, and after the repair all alarms are quiet"):
        until("no alarm rings before", lambda: not ringing(echo))
        for what in looks:
            look_before(echo, *what)
        with users(echo), broken(echo):
            until(f"{alarms} ring", lambda: alarms <= ringing(echo))
            for what in looks:
                look(echo, *what)
            draw(echo, name)
        until("all is quiet", lambda: not ringing(echo))
        echo.serves()


@contextlib.contextmanager
def users(echo):
    """Calls a mock and management without pause."""
    with contextlib.suppress(AssertionError):
        echo.create("GET", "/all/the/while", body="here")
    with for_ever(lambda: echo.mocks.ask("GET", "/all/the/while")), for_ever(lambda: echo.manage("GET", "/endpoints?page%5Bsize%5D=1")):
        yield


def prove_deployment(env, bad):
    """A failed deployment rings no alarm: the operator starts with its last line."""
    with proving("image: a bad image is rolled back, and the runbook leads to the reason"):
        code, output = sandbox("deploy", env, bad)
        expect("the exit code", code, 1)
        if "was rolled back" not in output:
            raise AssertionError(output[-3000:])
        echo = echo_of(env)
        look(echo, "First look", "describe-alarms", "circuit breaker")
        look(echo, "tasks-missing", "STOPPED", r'"echo",\s+[^]]*\b64\s+\]')
        # The first line names the serving revision.
        look(echo, "Rolling back", "SUCCESSFUL", rf"\A\S+\s+\S+{(STATE / 'image').read_text().strip().partition('@')[2]}\n")


def echo_of(env):
    return Echo(env, succeed("status"))


def main(env, bad, names):
    for name in names:
        prove_deployment(env, bad) if name == "image" else prove(echo_of(env), name)
    print(f"{results['passed']} passed, {results['failed']} failed")
    return 1 if results["failed"] else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("env", metavar="ENV")
    parser.add_argument("bad", metavar="IMAGE", help="one that ends at its start")
    parser.add_argument("names", metavar="DRILL", nargs="*", default=[*DRILLS, "image"], help=f"some of {', '.join([*DRILLS, 'image'])}; all unless some are given")
    sys.exit(main(**vars(parser.parse_args())))
