"""The interface of a server: installed once, prepared with its mocks, started until ready, stopped."""

import contextlib
import http.client
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import mocks
from bench.mocks import Mock, Request
from bench.process import Process

# Time limit to load the mocks. Echo promises 100,000 in 2 seconds.
READY_LIMIT_SECONDS = 60


class Unable(Exception):
    """The server cannot run this case. The report prints the message as the reason."""


@dataclass(frozen=True)
class Setup:
    """Folder, port, number and kind of the mocks of one server, the same in every round."""

    folder: Path
    port: int
    mocks: int
    kind: str = mocks.PLAIN

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def each_mock(self) -> Iterator[Mock]:
        return mocks.every(self.kind, self.mocks)


@dataclass(frozen=True)
class Running:
    process: Process
    port: int
    ready_seconds: float


@dataclass(frozen=True)
class Answer:
    code: int
    media_type: str
    body: str


class Server:
    """Base class. `settings` describes the server's set-up in the report, with reasons. `matching` names the means of
    the server for path parameters, tests of query and headers, tests of JSON, and templates."""

    key: str
    title: str
    settings: str
    matching = ""
    holds_mocks = True
    warm_up_seconds = 1

    def install(self) -> None:
        """Installs the server on this machine. Does nothing if it is installed."""

    def version(self) -> str:
        raise NotImplementedError

    def size(self) -> int | None:
        """Installed size in bytes, without the runtime (JVM, Node, Python)."""
        return None

    def prepare(self, setup: Setup) -> None:
        """Writes the mocks for `command`. Called once, before the first start."""

    def command(self, setup: Setup) -> list[str]:
        raise NotImplementedError

    def environment(self, setup: Setup) -> dict[str, str]:
        return {}

    def is_ready(self, setup: Setup) -> bool:
        return answers_as_defined(setup)

    @contextlib.contextmanager
    def serving(self, setup: Setup) -> Iterator[Running]:
        """Runs the server, and yields it when it is ready and its last mocks return the right responses."""
        process = Process(
            self.command(setup),
            environment=self.environment(setup),
            folder=setup.folder,
            log=setup.folder / "stderr.log",
        )
        try:
            ready_seconds = self._wait(process, setup)
            if not answers_as_defined(setup):
                raise Unable("is ready, but returns a response that differs from the mock")
            yield Running(process, setup.port, ready_seconds)
        finally:
            process.stop()

    def _wait(self, process: Process, setup: Setup) -> float:
        while True:
            waited = time.perf_counter() - process.started_at
            if self.is_ready(setup):
                return time.perf_counter() - process.started_at
            if process.has_ended():
                raise Unable(f"ended at its start: {process.last_words()}")
            if waited > READY_LIMIT_SECONDS:
                raise Unable(f"not ready within {READY_LIMIT_SECONDS} s")
            # The pause grows with the wait: a slow start loses no CPU, and a fast start no precision.
            time.sleep(max(waited / 200, 0.0002))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def get(port: int, path: str) -> Answer | None:
    return send(port, Request("GET", path))


def send(port: int, request: Request) -> Answer | None:
    """The response, or None without one."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=READY_LIMIT_SECONDS)
    try:
        connection.request(request.verb, request.target, request.body, request.headers)
        response = connection.getresponse()
        body = response.read().decode(errors="replace")
        media_type, _, _parameters = response.getheader("Content-Type", "").partition(";")  # Mockoon adds a charset
        return Answer(response.status, media_type, body)
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def answers_as_defined(setup: Setup) -> bool:
    """True if the mocks loaded last return the defined responses."""
    return all(
        send(setup.port, mocks.hit(mock)) == Answer(mocks.CODE, mocks.CONTENT_TYPE, mocks.body(mock))
        for mock in mocks.last(setup.kind, setup.mocks)
    )


def refuse_others(setup: Setup) -> None:
    """Requests that differ from a hit in one part must get a 404, which proves that the server runs each test."""
    for mock in mocks.last(setup.kind, setup.mocks):
        for request in mocks.misses(mock):
            answer = send(setup.port, request)
            code = answer.code if answer else "no response"
            if code != 404:
                raise Unable(f"{request.verb} {request.target} fits no mock, but gets {code}")
