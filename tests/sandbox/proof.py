"""Proves in a sandbox what no plan can show: that an environment can be applied, and that Echo runs in it as it has to.

One line for each thing that is proved, with the time it took. tests/sandbox/run makes the images and calls it:

    proof.py IMAGE NEXT-IMAGE BAD-IMAGE ENV...
"""

import contextlib
import http.client
import json
import pathlib
import re
import subprocess
import sys
import threading
import time
import traceback
import urllib.parse

import left
import seam
from aws import Aws

ROOT = pathlib.Path(__file__).resolve().parents[2]
STATE = ROOT / "target/sandbox"
JSON_API = "application/vnd.api+json"
# scripts/verify-consistency does it 10,000 times.
EVERYWHERE = 200
results = {"passed": 0, "failed": 0}


@contextlib.contextmanager
def proving(what):
    """Counts what is inside, and says whether it holds. What was wrong is told, and the rest goes on."""
    start = time.monotonic()
    try:
        yield
    except Exception as error:
        results["failed"] += 1
        mark, why = "FAILED", f": {error or traceback.format_exc()}"
    else:
        results["passed"] += 1
        mark, why = "ok", ""
    print(f"{mark}: {what} ({time.monotonic() - start:.0f} s){why}", flush=True)


def expect(what, got, wanted):
    if got != wanted:
        raise AssertionError(f"{what} is {got!r}, not {wanted!r}")


def sandbox(*arguments):
    """Runs scripts/sandbox, and gives its exit code and what it wrote."""
    done = subprocess.run([ROOT / "scripts/sandbox", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


def succeed(*arguments):
    code, output = sandbox(*arguments)
    if code:
        raise AssertionError(f"scripts/sandbox {' '.join(arguments)} ended with {code}:\n{output[-3000:]}")
    return output


class Face:
    """One of the two listeners, as a client of the load balancer sees it."""

    def __init__(self, url):
        self.address = urllib.parse.urlsplit(url).netloc

    def ask(self, verb, path, document=None, key=None):
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        if document is not None:
            headers["Content-Type"] = JSON_API
        connection = http.client.HTTPConnection(self.address, timeout=20)
        try:
            connection.request(verb, path, None if document is None else json.dumps(document), headers)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
        finally:
            connection.close()


class Echo:
    """An environment that was brought up, by what `scripts/sandbox up` has printed."""

    def __init__(self, env, printed):
        urls = dict(re.findall(r"^(mocks|management|docs|aws) (\S+)$", printed, re.M))
        self.name = f"echo-{env}"
        self.mocks, self.management, self.docs = Face(urls["mocks"]), Face(urls["management"]), urls["docs"]
        self.aws = Aws(urls["aws"])
        self.key = self.aws.secretsmanager.get_secret_value(SecretId=f"{self.name}/keys/admin")["SecretString"]

    def manage(self, verb, path, document=None):
        return self.management.ask(verb, path, document, self.key)

    def ask_for(self, verb, path, code=200, headers=None, body=None):
        """The answer to the creation of a mock."""
        attributes = {"verb": verb, "path": path, "response": {"code": code, "headers": headers or {}, "body": body}}
        return self.manage("POST", "/endpoints", {"data": {"type": "endpoints", "attributes": attributes}})

    def create(self, verb, path, **response):
        status, _, text = self.ask_for(verb, path, **response)
        expect(f"the answer to the mock {verb} {path}", (status, text if status != 201 else ""), (201, ""))
        return json.loads(text)["data"]["id"]

    def delete(self, endpoint):
        expect("the answer to a delete", self.manage("DELETE", f"/endpoints/{endpoint}")[0], 204)

    def no_mock(self, verb, path):
        status, headers, text = self.mocks.ask(verb, path)
        expect(f"{verb} {path}", (status, headers["content-type"]), (404, JSON_API))
        expect("the detail", json.loads(text)["errors"][0]["detail"], f"Requested page `{path}` does not exist")

    def serves(self):
        endpoint = self.create("GET", "/serves", body="yes")
        expect("a mock", self.mocks.ask("GET", "/serves")[::2], (200, "yes"))
        self.delete(endpoint)

    def story(self, number):
        """The contract's, once. Whichever task answers has to know what another one was just told."""
        path = f"/greeting/{number}"
        self.no_mock("GET", path)
        body = json.dumps({"message": f"Hello {number}"})
        endpoint = self.create("GET", path, headers={"X-Number": str(number), "Content-Type": "application/json"}, body=body)
        status, headers, text = self.mocks.ask("GET", path)
        expect("the mock's answer", (status, headers["x-number"], headers["content-type"], text), (200, str(number), "application/json", body))
        self.no_mock("POST", path)
        self.delete(endpoint)
        self.no_mock("GET", path)

    def tasks(self):
        """The tasks that run, with the image of each, and the containers of the service."""
        arns = self.aws.ecs.list_tasks(cluster=self.name, serviceName="echo", desiredStatus="RUNNING")["taskArns"]
        return [task for task in self.aws.ecs.describe_tasks(cluster=self.name, tasks=arns)["tasks"] if task["lastStatus"] == "RUNNING"] if arns else []

    def images(self):
        return {container["image"] for task in self.tasks() for container in task["containers"] if container["name"] == "echo"}

    def requests_by_task(self):
        """How many management requests each task has logged."""
        group = f"/echo/{self.name}/service"
        streams = self.aws.logs.describe_log_streams(logGroupName=group)["logStreams"]
        events = {s["logStreamName"]: self.aws.logs.get_log_events(logGroupName=group, logStreamName=s["logStreamName"])["events"] for s in streams}
        return {name.rpartition("/")[2]: sum("management request" in event["message"] for event in found) for name, found in events.items()}

    @contextlib.contextmanager
    def traffic(self):
        """Calls a mock and asks management all the while, and creates mocks: no request may fail, and no write be lost."""
        endpoint = self.create("GET", "/all/the/while", body="here")
        over, asked, made, wrong = threading.Event(), [], [], []

        def ask():
            asked.append(endpoint)
            return self.mocks.ask("GET", "/all/the/while")[::2] == (200, "here") and self.manage("GET", f"/endpoints/{endpoint}")[0] == 200

        def make():
            made.append(f"/made/{time.monotonic_ns()}")
            return self.ask_for("GET", made[-1], body=made[-1])[0] == 201 and self.mocks.ask("GET", made[-1])[::2] == (200, made[-1])

        def go_on(work):
            while not over.is_set():
                try:
                    holds = work()
                except (OSError, http.client.HTTPException) as error:
                    holds = repr(error)
                if holds is not True:
                    wrong.append((time.strftime("%X"), work.__name__, holds))
                # Steady, and not so many that the rollout has no time left to run.
                time.sleep(0.1)

        threads = [threading.Thread(target=go_on, args=[work]) for work in (ask, make)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join()
        self.delete(endpoint)
        if wrong:
            raise AssertionError(f"{len(wrong)} of {len(asked) + len(made)} times a request failed: {wrong[:3]}")
        print(f"  asked {len(asked)} times, and made {len(made)} mocks meanwhile")
        expect("many requests", (len(asked) > 20, len(made) > 10), (True, True))
        lost = [path for path in made if self.mocks.ask("GET", path)[::2] != (200, path)]
        expect("the mocks that are lost", lost, [])


def nothing_to_change(root):
    code, output = sandbox("plan", root)
    expect("the plan" + ("" if code == 0 else f", which is {output[-3000:]}"), code, 0)


def prove(env, image, following, bad):
    # What tasks have called, which is held against their role: of this environment's only.
    (STATE / "calls").unlink(missing_ok=True)
    with proving(f"{env}: applied within 3 minutes, with less than 100 resources, and healthy"):
        start = time.monotonic()
        echo = Echo(env, succeed("up", env, "--image", image))
        expect(f"{time.monotonic() - start:.0f} s in time", time.monotonic() - start < 180, True)
        count = sum(resource["mode"] == "managed" and len(resource["instances"]) for resource in json.loads((STATE / f"{env}.tfstate").read_text())["resources"])
        expect(f"{count} resources are few enough", count < 100, True)
    if "echo" not in locals():
        return
    with proving(f"{env}: the contract's story, 100 times in a row, on all tasks"):
        tasks = echo.tasks()
        expect("more than one task", len(tasks) > 1, True)
        for number in range(100):
            echo.story(number)
        # Each task has answered a good part of the two management requests of each story.
        counts = [echo.requests_by_task().get(task["taskArn"].rpartition("/")[2], 0) for task in tasks]
        expect(f"the share of each task ({counts})", min(counts) > 100 / len(tasks), True)
    with proving(f"{env}: what one task has acknowledged, another one serves at once, {EVERYWHERE} times"):
        code, output = sandbox("exec", sys.executable, "-B", ROOT / "tests/sandbox/everywhere.py", env, str(EVERYWHERE))
        expect(f"the exit code, with {output[-3000:]}", code, 0)
    with proving(f"{env}: the page of the documentation is on management"):
        status, headers, page = echo.management.ask("GET", urllib.parse.urlsplit(echo.docs).path)
        expect("the page", (status, headers["content-type"].partition(";")[0], "<html" in page.lower()), (200, "text/html", True))
    with proving(f"{env}: management is not on the mocks' listener, which reserves nothing"):
        for path in ("/endpoints", "/-/ready", "/-/docs"):
            echo.no_mock("GET", path)
            endpoint = echo.create("GET", path, body="a mock")
            expect(path, echo.mocks.ask("GET", path)[::2], (200, "a mock"))
            echo.delete(endpoint)
    with proving(f"{env}: management without a key is refused"):
        expect("the status", echo.management.ask("GET", "/endpoints")[0], 401)
    with proving(f"{env}: a second plan says that nothing is to be changed"):
        nothing_to_change(env)
    echo.manage("GET", "/endpoints")
    for what, holds in seam.all_of(echo, STATE, lambda *command: subprocess.check_output([ROOT / "scripts/sandbox", "exec", *command])):
        with proving(f"{env}: {what}"):
            holds()
    with proving(f"{env}: another image rolls out, no request fails, and no write is lost"), echo.traffic():
        succeed("up", env, "--image", following)
        expect("the images that run", {image.partition("@")[2] for image in echo.images()}, {following.partition("@")[2]})
    with proving(f"{env}: a bad image fails the apply, the old one serves on, no request fails, and no write is lost"), echo.traffic():
        code, output = sandbox("up", env, "--image", bad)
        if code == 0 or not re.search("circuit breaker was triggered|deployment was rolled back", output):
            raise AssertionError(f"the apply ended with {code}, and does not name the rollout as the reason:\n{output[-3000:]}")
        expect("the images that run", {image.partition("@")[2] for image in echo.images()}, {following.partition("@")[2]})
    with proving(f"{env}: destroyed, and nothing is left in AWS"):
        succeed("down", env)
        expect("leftovers", left.of_environment(echo.aws, echo.name), {})


def complaints():
    """The last that the emulator has complained of: its log goes with the sandbox."""
    with contextlib.suppress(OSError):
        lines = (STATE / "emulator.log").read_text(errors="replace").splitlines()
        starts = [number for number, line in enumerate(lines) if re.search(r" (ERROR|CRITICAL) |^Traceback", line)]
        return [line for number in starts[-3:] for line in lines[number : number + 25]]
    return []


def leftovers():
    """What a sandbox has on a machine: its folder, processes, mounts, control groups of containers, ports."""
    found = {str(STATE)} if STATE.exists() else set()
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if str(STATE) in command or "tests/sandbox/" in command and "proof.py" not in command and "tests/sandbox/run" not in command:
                found.add(command)
    found |= {line for line in pathlib.Path("/proc/mounts").read_text().splitlines() if str(STATE) in line}
    found |= {str(folder) for folder in pathlib.Path("/sys/fs/cgroup").glob("**/echo-sandbox-*")}
    with contextlib.suppress(OSError):
        http.client.HTTPConnection("127.0.0.1", 14566, timeout=2).connect()
        found.add("the port of the API")
    return found


def main(image, following, bad, *envs):
    try:
        for env in envs:
            prove(env, image, following, bad)
        with proving(f"{envs[0]}: applied again, and it serves"):
            echo = Echo(envs[0], succeed("up", envs[0], "--image", image))
            echo.serves()
        with proving("account: a second plan says that nothing is to be changed"):
            nothing_to_change("account")
        with proving("no value of a key is in a plan or a state, and what tasks are given fits the tokens"):
            test = ROOT / "modules/secrets/tests/stored_values.py"
            code, output = sandbox("exec", sys.executable, "-B", test)
            expect(f"the exit code of {test.name}, which says: {output[-3000:]}", code, 0)
        with proving("all of it destroyed, the account too, and nothing is left in AWS"):
            succeed("down", envs[0])
            succeed("down", "account")
            expect("leftovers", left.of_environment(echo.aws, echo.name) | left.of_account(echo.aws), {})
        with proving("the sandbox has ended, and nothing is left on this machine"):
            succeed("down")
            expect("leftovers", leftovers(), set())
    finally:
        if results["failed"]:
            print(*complaints(), sep="\n")
        # A sandbox that is not there any more is no failure.
        sandbox("discard")
    print(f"{results['passed']} passed, {results['failed']} failed")
    return 1 if results["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
