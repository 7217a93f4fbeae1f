"""Proves in a sandbox, beyond plans, that an environment can be applied and that Echo runs in it.

Prints a line with the duration of each proof. tests/sandbox/run builds the images and calls this file.
"""

import argparse
import contextlib
import http.client
import json
import os
import re
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

# Clients of the emulated AWS.
sys.path.append(str(Path(__file__).resolve().parents[1] / "emulator"))

import autoscaling
import faults
import leftovers
import roles
import trust
import unrecorded_calls
import wiring
from aws import Aws
from client import Echo, expect
from harness import OFFSET, ROOT, STATE, ended, in_order, proving, sandbox, succeed

# scripts/verify-consistency creates 10,000.
READ_BACK = 200


def rollout(env, image):
    """The pipeline's script for dev, where clients use plain HTTP as on AWS. The sandbox has no TLS."""
    return ("deploy", env, image) if env == "dev" else ("up", env, "--image", image)


def expect_running(echo, image):
    expect("the images that run", {image.partition("@")[2] for image in echo.images()}, {image.partition("@")[2]})


def prove(env, image, variants):
    # The calls of tasks, for the check of their role: of this environment only.
    (STATE / "calls/tasks").unlink(missing_ok=True)
    # Alone, dev takes less than two minutes. `scripts/test` runs three sandboxes at once, perhaps on a busy machine.
    minutes = 10
    with proving(f"{env}: applied within {minutes} minutes, with at most 120 resources, and healthy"):
        start = time.monotonic()
        echo = Echo(env, succeed("up", env, "--image", image))
        expect(f"{time.monotonic() - start:.0f} s in time", time.monotonic() - start < 60 * minutes, True)
        count = sum(resource["mode"] == "managed" and len(resource["instances"]) for resource in json.loads((STATE / f"{env}.tfstate").read_text())["resources"])
        expect(f"{count} resources are few enough", count <= 120, True)
    if "echo" not in locals():
        return
    if variants:
        prove_many(echo, env)
    with proving(f"{env}: management serves the page of the documentation"):
        status, headers, page = echo.management.ask("GET", urllib.parse.urlsplit(echo.docs).path)
        expect("the page", (status, headers["content-type"].partition(";")[0], "<html" in page.lower()), (200, "text/html", True))
    with proving(f"{env}: the mocks' listener reserves no path for management"):
        for path in ("/endpoints", "/-/ready", "/-/docs"):
            echo.no_mock("GET", path)
            endpoint = echo.create("GET", path, body="a mock")
            expect(path, echo.mocks.ask("GET", path)[::2], (200, "a mock"))
            echo.delete(endpoint)
    with proving(f"{env}: management without a key is refused"):
        expect("the status", echo.management.ask("GET", "/endpoints")[0], 401)
    with proving(f"{env}: each response in turn answers one call, over all tasks"):
        echo.takes_turns()
    with proving(f"{env}: a second plan is empty"):
        succeed("plan", env)
    echo.manage("GET", "/endpoints")
    for what, holds in wiring.all_of(echo, STATE, lambda *command: subprocess.check_output([ROOT / "scripts/sandbox", "exec", *command])):
        with proving(f"{env}: {what}"):
            holds()
    if variants:
        prove_strict(echo)
        prove_rollouts(echo, env, *variants)
    if faults.has_firewall(echo):
        with proving(f"{env}: the firewall refuses a client above its rate, and no other client"):
            faults.prove_firewall(echo)
    if re.search(r"^  protect += true$", (ROOT / f"environments/{env}/main.tf").read_text(), re.M):
        with proving(f"{env}: while protected, a destroy is refused before anything is destroyed"):
            before = succeed("terraform", env, "state", "list")
            code, output = sandbox("terraform", env, "destroy", "-auto-approve")
            if code == 0 or "is protected, and nothing was destroyed" not in output:
                raise AssertionError(f"the destroy ended with {code}, and does not name the protection as the reason:\n{output[-3000:]}")
            expect("the resources afterwards", succeed("terraform", env, "state", "list"), before)
            echo.serves()
    with proving(f"{env}: AWS's reference knows the actions, resources and condition keys of every policy"):
        roles.expect_known(STATE / "account.tfstate", STATE / f"{env}.tfstate")
    with proving(f"{env}: destroyed, and nothing is left in AWS"):
        succeed("down", env)
        expect("leftovers", leftovers.of_environment(echo.aws, echo.name), {})
    with proving(f"{env}: AWS accepts every call in its order, and no way out of a task closes before its successor opens"):
        in_order(f"apply/{env}")
    with proving(f"{env}: the pipeline's roles allow every call of Terraform, and the actions behind it"):
        case = roles.case(echo.aws, STATE, {f"apply/{env}": f"echo-apply-{env}", f"plan/{env}": "echo-plan"})
        roles.expect_all_allowed(roles.judge(STATE, case), 300)
        roles.expect_planted_found(STATE, case, f"echo-apply-{env}")


def expect_trust(aws):
    documents = {role["RoleName"]: role["AssumeRolePolicyDocument"] for role in aws.iam.list_roles(PathPrefix="/github/")["Roles"]}
    expect("the pipeline's roles", set(documents), set(trust.OWN))
    providers = [provider["Arn"] for provider in aws.iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]
    for role, document in documents.items():
        expect(f"tokens that {role} accepts or refuses wrongly", trust.misjudged(role, document, providers), set())


def prove_many(echo, env):
    with proving(f"{env}: the contract's story, 100 times in a row, on all tasks"):
        tasks = echo.tasks()
        expect("more than one task", len(tasks) > 1, True)
        for number in range(100):
            echo.story(number)
        # Each task has answered a fair share of the two management requests of each story.
        counts = [echo.requests_by_task().get(task["taskArn"].rpartition("/")[2], 0) for task in tasks]
        expect(f"the share of each task ({counts})", min(counts) > 100 / len(tasks), True)
    with proving(f"{env}: a write in one task is visible in another task at once, {READ_BACK} times"):
        succeed("exec", sys.executable, "-B", str(ROOT / "tests/sandbox/proofs/read_your_writes.py"), env, str(READ_BACK))


def prove_strict(echo):
    """The sandbox is as strict as AWS. At night the long proofs too, of which dev has none."""
    with proving(f"{echo.env}: tasks reach AWS's services alone, and only the load balancer reaches tasks"):
        faults.expect_applied_ways(echo)
    with proving(f"{echo.env}: a client from a network that no rule names reaches mocks, and not management"):
        faults.expect_clients(echo)
    with proving(f"{echo.env}: a wrong rule of a security group cuts the load balancer off"):
        faults.prove_wrong_rule(echo)
    with proving(f"{echo.env}: a wrong route cuts tasks off, and no new task starts"):
        faults.prove_wrong_route(echo)
    with proving(f"{echo.env}: a wrong health path makes targets unhealthy, and ECS replaces their tasks after the grace period"):
        faults.prove_wrong_health_path(echo)
    with proving(f"{echo.env}: a schedule and requests scale out"):
        autoscaling.prove_schedule(echo)
        autoscaling.prove_requests(echo)
    if echo.env != "dev":
        with proving(f"{echo.env}: load scales out to the maximum, and low use scales in to the minimum"):
            autoscaling.prove_processor(echo)


def prove_rollouts(echo, env, following, bad, lazy):
    before = (STATE / "image").read_text().strip()
    with proving(f"{env}: another image rolls out, no request fails, and no write is lost"), echo.traffic():
        succeed(*rollout(env, following))
        expect_running(echo, following)
    with proving(f"{env}: a bad image fails the apply, the old image serves on, no request fails, and no write is lost"), echo.traffic():
        code, output = sandbox(*rollout(env, bad))
        if code == 0 or not re.search("circuit breaker was triggered|deployment was rolled back", output):
            raise AssertionError(f"the apply ended with {code}, and does not name the rollout as the reason:\n{output[-3000:]}")
        expect_running(echo, following)
    with proving(f"{env}: an alarm that rings during a deployment rolls it back"):
        faults.prove_alarm(echo, rollout(env, before), following)
    if env == "dev":
        prove_delivery(echo, env, following, lazy)


def prove_delivery(echo, env, following, lazy):
    """The pipeline's scripts find a bad image and a change that no deployment of ECS notices."""
    with proving(f"{env}: an image that is ready and takes no mock is rolled back by its smoke test"):
        code, output = sandbox("deploy", env, lazy)
        if code != 1 or not re.search(r"a mock is created: the answer is \d+, not 201", output) or "was rolled back" not in output:
            raise AssertionError(f"the deployment ended with {code}, and does not name the creation as the reason:\n{output[-3000:]}")
        expect_running(echo, following)
        succeed("plan", env)
    with proving(f"{env}: a change behind Terraform's back is found and priced"):
        (balancer,) = echo.aws.elbv2.describe_load_balancers()["LoadBalancers"]
        change = lambda seconds: echo.aws.elbv2.modify_load_balancer_attributes(
            LoadBalancerArn=balancer["LoadBalancerArn"], Attributes=[{"Key": "idle_timeout.timeout_seconds", "Value": seconds}]
        )
        change("71")
        code, output = sandbox("plan", env)
        expect("the exit code of a plan", code, 2)
        for part in ("- change `module.echo.module.load_balancer.aws_lb.main`", "idle_timeout", "| **together** |"):
            if part not in output:
                raise AssertionError(f"the plan does not say {part}: {output[:3000]}")
        # The issue about the drift opens, and closes after the drift ends.
        issues = STATE / "issues.json"
        os.environ["ISSUES"], os.environ["PATH"] = str(issues), f"{ROOT / 'tests/pipeline'}:{os.environ['PATH']}"
        succeed("drift", env)
        (issue,) = json.loads(issues.read_text())
        expect("the issue", (issue["title"], issue["state"], "idle_timeout" in issue["body"]), (f"environments/{env} has drifted", "open", True))
        change("70")
        succeed("drift", env)
        expect("the issue", json.loads(issues.read_text())[0]["state"], "closed")
        succeed("plan", env)


def remains():
    """The remains of this sandbox on the machine: folder, processes, mounts, control groups of containers, ports."""
    found = {str(STATE)} if STATE.exists() else set()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command, environment = ((process / file).read_bytes().decode(errors="replace") for file in ("cmdline", "environ"))
            if str(STATE) in command + environment:
                found.add(command.replace("\0", " "))
    found |= {line for line in Path("/proc/mounts").read_text().splitlines() if str(STATE) in line}
    name = subprocess.run("cksum", input=f"{STATE}\n", stdout=subprocess.PIPE, text=True, check=True).stdout.split()[0]
    found |= {str(folder) for folder in Path("/sys/fs/cgroup").glob(f"**/echo-sandbox-{name}")}
    with contextlib.suppress(OSError):
        http.client.HTTPConnection("127.0.0.1", 4566 + OFFSET, timeout=2).connect()
        found.add("the port of the API")
    return found


def prove_all(image, variants, envs):
    aws = Aws(f"http://127.0.0.1:{4566 + OFFSET}")
    for env in envs:
        prove(env, image, variants)
    if variants and len(envs) > 1:
        with proving(f"{envs[0]}: serves after a second apply"):
            Echo(envs[0], succeed("up", envs[0], "--image", image)).serves()
    if variants:
        with proving("no value of a key is in a plan or a state, and the values of tasks fit the tokens"):
            succeed("exec", sys.executable, "-B", str(ROOT / "modules/secrets/tests/stored_values.py"))
    with proving("account: a second plan is empty"):
        succeed("plan", "account")
    with proving("account: the pipeline's role allows the plan"):
        roles.expect_all_allowed(roles.judge(STATE, roles.case(aws, STATE, {"plan/account": "echo-plan"})), 30)
    with proving("the pipeline's roles allow the calls of all environments, their states and images, and the used rights are noted"):
        allowed, _ = unrecorded_calls.questions(aws, envs)
        every = {f"{what_for}/{env}": role for env in envs for what_for, role in (("apply", f"echo-apply-{env}"), ("plan", "echo-plan"))}
        found = roles.judge(STATE, roles.case(aws, STATE, every | {"plan/account": "echo-plan"}, allowed))
        # scripts/test compares the rights of all sandboxes (rights/unused.py).
        roles.save_used(found, envs, ROOT / f"target/rights-{OFFSET}.json")
        roles.expect_all_allowed(found, 300)
    with proving("the pipeline's roles allow no call to the state or repository of another role"):
        _, denied = unrecorded_calls.questions(aws, envs)
        found = roles.judge(STATE, roles.case(aws, STATE, questions=denied))
        expect("denied", len(found["denied"]), len(denied))
    with proving("account: each role of the pipeline accepts GitHub's tokens for it, and no token of another repository, branch or environment"):
        expect_trust(aws)
    with proving("environments and account destroyed, and nothing is left in AWS"):
        succeed("down", envs[0])
        succeed("down", "account")
        expect("leftovers", leftovers.of_environment(aws, f"echo-{envs[0]}") | leftovers.of_account(aws), {})
    with proving("account: AWS accepts every call in its order"):
        in_order("apply/account")
    with proving("the sandbox has ended, and nothing is left on this machine"):
        succeed("down")
        expect("leftovers", remains(), set())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    what = "images to roll out: another one, one that ends at its start, and one that takes no mock"
    parser.add_argument("--variants", nargs=3, default=[], metavar=("NEXT", "BAD", "LAZY"), help=what)
    parser.add_argument("image")
    parser.add_argument("envs", nargs="+", metavar="ENV")
    given = parser.parse_args()
    sys.exit(ended(lambda: prove_all(given.image, given.variants, given.envs)))
