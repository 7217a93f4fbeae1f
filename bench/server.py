"""What a server is to the benchmark: installed once, prepared with its mocks, started until ready, stopped."""

import contextlib
import http.client
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import mocks
from bench.process import Process

# A server that has not loaded its mocks by then does not manage so many. Echo promises 100,000 in 2 seconds.
READY_LIMIT_SECONDS = 60


class Unable(Exception):
    """The server cannot do what is asked. The message is the reason that the report prints."""


@dataclass(frozen=True)
class Setup:
    """One server with so many mocks: where its files are and where it listens, the same in every round."""

    folder: Path
    port: int
    mocks: int

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


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
    """Subclasses say how. `settings` tells the reader of the report how the server was set up, and why."""

    key: str
    title: str
    settings: str
    holds_mocks = True
    warm_up_seconds = 1

    def install(self) -> None:
        """Bring what it needs onto this machine. Does nothing the second time."""

    def version(self) -> str:
        raise NotImplementedError

    def size(self) -> int | None:
        """Bytes of what one installs to have it, without the runtime (JVM, Node, Python) that it needs besides."""
        return None

    def prepare(self, setup: Setup) -> None:
        """Lay the mocks where `command` finds them. Called once, before the first start."""

    def command(self, setup: Setup) -> list[str]:
        raise NotImplementedError

    def environment(self, setup: Setup) -> dict[str, str]:
        return {}

    def is_ready(self, setup: Setup) -> bool:
        return answers_as_defined(setup.port, setup.mocks)

    @contextlib.contextmanager
    def serving(self, setup: Setup) -> Iterator[Running]:
        """The server from exec to its end, handed over when it is ready and answers as its mocks say."""
        process = Process(
            self.command(setup),
            environment=self.environment(setup),
            folder=setup.folder,
            log=setup.folder / "stderr.log",
        )
        try:
            ready_seconds = self._wait(process, setup)
            if setup.mocks and not answers_as_defined(setup.port, setup.mocks):
                raise Unable("is ready, but does not answer as its mocks say")
            yield Running(process, setup.port, ready_seconds)
        finally:
            process.stop()

    def _wait(self, process: Process, setup: Setup) -> float:
        while True:
            waited = time.perf_counter() - process.started_at
            if self.is_ready(setup):
                return time.perf_counter() - process.started_at
            if process.has_ended():
                raise Unable(f"ended at start: {process.last_words()}")
            if waited > READY_LIMIT_SECONDS:
                raise Unable(f"not ready within {READY_LIMIT_SECONDS} s")
            # The pause grows with the wait: it takes no core from a slow start, and no precision from a fast one.
            time.sleep(max(waited / 200, 0.0002))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def get(port: int, path: str) -> Answer | None:
    """The answer, or None where there is none (yet)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=READY_LIMIT_SECONDS)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read().decode(errors="replace")
        media_type, _, _parameters = response.getheader("Content-Type", "").partition(";")  # Mockoon adds a charset
        return Answer(response.status, media_type, body)
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def answers_as_defined(port: int, count: int) -> bool:
    """Whether the last of the mocks (the last to be loaded) gets the defined answer."""
    return get(port, mocks.path(count - 1)) == Answer(mocks.CODE, mocks.CONTENT_TYPE, mocks.BODY)
