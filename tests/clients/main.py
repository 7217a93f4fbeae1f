"""Runs all clients at once against one Echo, and reports their lost responses. Called by `run`."""

import contextlib
import json
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import bounds
import processes
from table import JSON_API, MOCK, NEXT, Case, Target, cases, targets

HERE = Path(__file__).parent
LIMIT_SECONDS = 300


@dataclass(frozen=True)
class Client:
    """A program that sends the requests of a table, and prints its lost responses and the number of its requests."""

    name: str
    command: list[str | Path]
    lacks: Callable[[Case], bool]  # whether the client cannot send this
    behind_nginx: bool = False


def clients(go: Path) -> list[Client]:
    python = [sys.executable, "-B"]
    http_client = [*python, HERE / "python_client.py", "http.client"]
    return [
        # curl never ends a chunked body of 0 bytes.
        Client("curl", [*python, HERE / "curl_client.py"], lambda case: case.chunked and not case.size),
        Client("Python http.client", http_client, lambda case: False),
        Client("Python requests", [*python, HERE / "python_client.py", "requests"], lambda case: False),
        Client(
            "Go net/http",
            [go],
            # Go never chunks 0 bytes. It sends a short body with the head, unless the body is chunked or waits for 100.
            lambda case: case.chunked and not case.size or case.pause and not case.chunked and not case.expect,
        ),
        Client(
            "Java HttpClient",
            ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", HERE / "Client.java"],
            # Before 17.0.17 Java hangs if any other answer than 100 follows `Expect` (JDK-8286171).
            lambda case: case.expect and case.target.status >= 400,
        ),
        # fetch refuses to send `Expect`.
        Client("Node fetch", ["node", HERE / "client.mjs"], lambda case: case.expect),
        # nginx itself answers `Expect`, and sends a chunked body by its length.
        Client("nginx, http.client", http_client, lambda case: case.expect or case.chunked, behind_nginx=True),
    ]


class Run:
    """A client at work."""

    def __init__(self, client: Client, url: str, wanted: list[Target], folder: Path) -> None:
        self.client = client
        self.cases = {case.name: case for target in wanted for case in cases(target) if not client.lacks(case)}
        self.table, self.output = (folder / f"{client.name.replace('/', ' ')}.{kind}" for kind in ("table", "output"))
        self.table.write_text("".join(f"{case.row(url)}\n" for case in (NEXT, *self.cases.values())))
        self.sent, self.lost, self.faults = 0, defaultdict(list), []

    def start(self, stack: contextlib.ExitStack) -> None:
        stdout = stack.enter_context(self.output.open("w"))
        self.process = stack.enter_context(processes.started([*self.client.command, self.table], stdout=stdout))

    def finish(self, deadline: float) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(max(0, deadline - time.monotonic()))
        for line in self.output.read_text().splitlines():
            match line.split("\t", 3):
                case ["lost", name, what, why]:
                    self.lost[self.cases[name].target.name].append(f"{self.cases[name].body}, {what}: {why}")
                case ["sent", count]:
                    self.sent = int(count)
        due = 2 * sum(case.repeat for case in self.cases.values())
        self.faults = [f"{len(lost)} lost at {target}, first {lost[0]}" for target, lost in self.lost.items()]
        if (status := self.process.poll()) != 0 or self.sent != due:
            self.faults.append(f"sent {self.sent} of {due} requests within {LIMIT_SECONDS} s, exit code {status}")


def create_mock(echo: processes.Echo) -> str:
    """Creates the mock that the clients call. Returns its id."""
    attributes = {"verb": "POST", "path": MOCK, "response": {"code": 200, "body": "an answer"}}
    document = json.dumps({"data": {"type": "endpoints", "attributes": attributes}}).encode()
    headers = {"Content-Type": JSON_API, "Authorization": f"Bearer {echo.write}"}
    with urllib.request.urlopen(urllib.request.Request(f"{echo.url}/endpoints", document, headers)) as answer:
        return json.load(answer)["data"]["id"]


def main(program: str) -> None:
    # As an exception, so that all processes are ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        go = folder / "go-client"
        subprocess.run(["go", "build", "-o", go, HERE / "client.go"], check=True)
        echo = stack.enter_context(processes.echo(program, folder / "echo"))
        wanted = targets(create_mock(echo), echo.write, echo.read)
        # Before the clients, whose requests raise the peak as well.
        faults = bounds.memory(echo, wanted)
        proxy = stack.enter_context(processes.nginx(echo.address, folder / "nginx"))
        runs = [Run(client, proxy if client.behind_nginx else echo.url, wanted, folder) for client in clients(go)]
        deadline = time.monotonic() + LIMIT_SECONDS
        for run in runs:
            run.start(stack)
        for run in runs:
            run.finish(deadline)
        impatient = stack.enter_context(processes.echo(program, folder / "impatient", "--request-timeout", "1s"))
        faults += bounds.cut_off(impatient, targets(create_mock(impatient), impatient.write, impatient.read))
    faults += [f"{run.client.name}: {fault}" for run in runs for fault in run.faults]
    passed = 0
    for fault in faults:
        print(fault)
    print(f"{'client':20} {'requests':>10} {'lost':>8}   targets without loss")
    for run in runs:
        good = max(0, len(wanted) - len(run.faults))
        passed += good
        print(f"{run.client.name:20} {run.sent:10,} {sum(map(len, run.lost.values())):8,}   {good} of {len(wanted)}")
    print(f"clients: {passed} combinations of client and target passed; faults: {len(faults)}")
    sys.exit(bool(faults))


main(sys.argv[1])
