"""Echo by default, with telemetry on, and on DynamoDB."""

import contextlib
import re
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
DEPLOYED = tools.ROOT / "environments" / "prod" / "main.tf"


@dataclass(frozen=True)
class Creation:
    """Time and memory to create the mocks over the API, each acknowledged when durable."""

    seconds: float
    memory: Memory


class Echo(Server):
    key = "echo"
    title = "Echo"
    settings = (
        "the embedded store (`--store file:…`), no rate limit (`--rate-limit 0`), otherwise defaults; "
        "its mocks are created over its API, and read from the store at each later start"
    )

    def __init__(self) -> None:
        self.creations: dict[Setup, Creation] = {}

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
            create(running.port, setup.kind, setup.mocks)
            self.creations[setup] = Creation(time.perf_counter() - started_at, running.process.memory())

    def command(self, setup: Setup) -> list[str]:
        store = setup.folder / "echo.redb"
        if setup.mocks == 0:
            store.unlink(missing_ok=True)  # with an empty store, the start creates the file
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
    """Telemetry that reached the sink."""

    posts: int
    bytes: int


class EchoWithTelemetry(Echo):
    key = "echo-telemetry"
    title = "Echo, telemetry on"
    settings = (
        "like Echo, with `OTEL_EXPORTER_OTLP_ENDPOINT` set: metrics, and a trace of every request "
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
        """The sink outlives Echo, because Echo exports its last spans at its end."""
        folder = setup.folder / "sink"
        folder.mkdir(exist_ok=True)
        sink = Process(nginx.sink(folder, self._sink_port), environment={}, folder=folder, log=folder / "stderr.log")
        try:
            while get(self._sink_port, "/") is None:
                if sink.has_ended():
                    raise Unable(f"the sink ended at its start: {sink.last_words()}")
            with super().serving(setup) as running:
                yield running
        finally:
            sink.stop()
        self.exported = _exported(folder)


class EchoAsDeployed(EchoWithTelemetry):
    key = "echo-deployed"
    title = "Echo, telemetry as in prod"
    settings = "like Echo with telemetry on, with the share of traced calls of `environments/prod`"

    def environment(self, setup: Setup) -> dict[str, str]:
        ratio = re.search(r"mock_ratio *= *([0-9.]+)", DEPLOYED.read_text())
        if not ratio:
            raise Unable(f"{DEPLOYED} has no mock_ratio")
        return super().environment(setup) | {"ECHO_MOCK_TRACE_RATIO": ratio[1]}


class EchoWithoutCollector(Echo):
    key = "echo-no-collector"
    title = "Echo, collector dead"
    settings = "like Echo with telemetry on, but without a collector at the endpoint"

    def environment(self, setup: Setup) -> dict[str, str]:
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}


class EchoOnDynamoDb(Echo):
    key = "echo-dynamodb"
    title = "Echo on DynamoDB"
    settings = (
        "like Echo, with `--store dynamodb:…` and the default lease. DynamoDB Local runs on the same machine, serves "
        "the change log 20 times a second, and uses part of the CPU"
    )

    def __init__(self) -> None:
        super().__init__()
        self.dynamodb = DynamoDb(0)

    def install(self) -> None:
        super().install()
        dynamodb.install()

    def prepare(self, setup: Setup) -> None:
        """Prepares nothing: each start has a new table in memory."""

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
                create(running.port, setup.kind, setup.mocks)
                if not answers_as_defined(setup):
                    raise Unable("returns a response that differs from the mock")
                yield running

    @contextlib.contextmanager
    def beside(self, setup: Setup) -> Iterator[Running]:
        """A second process on the table of the first one."""
        folder = setup.folder / "beside"
        folder.mkdir(exist_ok=True)
        with super().serving(Setup(folder, free_port(), mocks=0)) as running:
            yield running


def _exported(folder: Path) -> Exported:
    lengths = nginx.sink_log(folder).read_text().splitlines()
    posts = [int(length) for length in lengths if length.isdigit()]  # the GET that waits for the sink has no length
    return Exported(len(posts), sum(posts))
