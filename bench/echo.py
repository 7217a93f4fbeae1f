"""Echo: with telemetry off, as it starts by default, and with all of it on."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bench import dynamodb, nginx, tools
from bench.create import create
from bench.dynamodb import DynamoDb
from bench.process import Memory, Process
from bench.server import Running, Server, Setup, Unable, answers_as_defined, free_port, get

BINARY = "release/echo-service"


@dataclass(frozen=True)
class Creation:
    """What it took to create the mocks over the API, each acknowledged when it was durable."""

    seconds: float
    memory: Memory


class Echo(Server):
    key = "echo"
    title = "Echo"
    settings = (
        "the embedded store (`--store file:…`), no rate limit (`--rate-limit 0`), everything else as by default; "
        "its mocks are created over its API, and read from the store at each later start"
    )

    def __init__(self) -> None:
        self.creations: dict[int, Creation] = {}

    def install(self) -> None:
        tools.build("--bin", "echo-service")

    def version(self) -> str:
        return f"commit {tools.first_line('git', 'describe', '--always', '--dirty')}"

    def size(self) -> int:
        return (tools.target() / BINARY).stat().st_size

    def prepare(self, setup: Setup) -> None:
        if setup.mocks == 0:
            return
        with self.serving(replace(setup, mocks=0)) as running:
            started_at = time.perf_counter()
            create(running.port, setup.mocks)
            self.creations[setup.mocks] = Creation(time.perf_counter() - started_at, running.process.memory())

    def command(self, setup: Setup) -> list[str]:
        store = setup.folder / "echo.redb"
        if setup.mocks == 0:
            store.unlink(missing_ok=True)  # an empty store is one that the start has to make
        return [
            str(tools.target() / BINARY),
            "--listen", setup.address,
            "--store", f"file:{store}",
            "--rate-limit", "0",
        ]  # fmt: skip

    def is_ready(self, setup: Setup) -> bool:
        answer = get(setup.port, "/-/ready")
        return answer is not None and answer.code == 200


@dataclass(frozen=True)
class Exported:
    """What reached the sink."""

    posts: int
    bytes: int


class EchoWithTelemetry(Echo):
    key = "echo-telemetry"
    title = "Echo, telemetry on"
    settings = (
        "as Echo, with `OTEL_EXPORTER_OTLP_ENDPOINT` set and nothing else: metrics, and a trace of every request "
        "(sampled at 100 %), exported over OTLP/HTTP to an nginx on loopback that reads and discards them"
    )

    def __init__(self) -> None:
        super().__init__()
        self._sink_port = free_port()
        self.exported = Exported(0, 0)

    def environment(self, setup: Setup) -> dict[str, str]:
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self._sink_port}"}

    @contextlib.contextmanager
    def serving(self, setup: Setup) -> Iterator[Running]:
        """The sink outlives Echo, which exports its last spans when it is told to stop."""
        folder = setup.folder / "sink"
        folder.mkdir(exist_ok=True)
        sink = Process(nginx.sink(folder, self._sink_port), environment={}, folder=folder, log=folder / "stderr.log")
        try:
            while get(self._sink_port, "/") is None:
                if sink.has_ended():
                    raise Unable(f"its sink ended at start: {sink.last_words()}")
            with super().serving(setup) as running:
                yield running
        finally:
            sink.stop()
        self.exported = _exported(folder)


class EchoWithoutCollector(Echo):
    key = "echo-no-collector"
    title = "Echo, collector dead"
    settings = "as Echo with telemetry on, but nobody listens where its telemetry is sent"

    def environment(self, setup: Setup) -> dict[str, str]:
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}


class EchoOnDynamoDb(Echo):
    key = "echo-dynamodb"
    title = "Echo on DynamoDB"
    settings = (
        "as Echo, with `--store dynamodb:…` and the lease as by default. DynamoDB Local runs beside it, is asked for "
        "the change log 20 times a second, and takes its part of the cores"
    )

    def __init__(self) -> None:
        super().__init__()
        self.dynamodb = DynamoDb(0)

    def install(self) -> None:
        super().install()
        dynamodb.install()

    def prepare(self, setup: Setup) -> None:
        """Each start has a table of its own, in memory."""

    def command(self, setup: Setup) -> list[str]:
        command = super().command(setup)
        command[command.index("--store") + 1] = f"dynamodb:{dynamodb.TABLE}"
        return command

    def environment(self, setup: Setup) -> dict[str, str]:
        return self.dynamodb.environment

    @contextlib.contextmanager
    def serving(self, setup: Setup) -> Iterator[Running]:
        with dynamodb.running(setup.folder / "dynamodb") as self.dynamodb:
            with super().serving(replace(setup, mocks=0)) as running:
                create(running.port, setup.mocks)
                if setup.mocks and not answers_as_defined(setup.port, setup.mocks):
                    raise Unable("does not answer as its mocks say")
                yield running

    @contextlib.contextmanager
    def beside(self, setup: Setup) -> Iterator[Running]:
        """A second process on the same table, while the first one serves."""
        folder = setup.folder / "beside"
        folder.mkdir(exist_ok=True)
        with super().serving(Setup(folder, free_port(), mocks=0)) as running:
            yield running


def _exported(folder: Path) -> Exported:
    lengths = nginx.sink_log(folder).read_text().splitlines()
    posts = [int(length) for length in lengths if length.isdigit()]  # the GET that awaited the sink has none
    return Exported(len(posts), sum(posts))
