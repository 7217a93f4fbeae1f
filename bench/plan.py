"""The runs and their order: each server alone, in rounds. Keeps all measurements."""

import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import load, machine, mocks, writes
from bench.echo import Echo, EchoAsDeployed, EchoOnDynamoDb, EchoWithoutCollector, EchoWithTelemetry
from bench.measured import Case, Creation, Described, Export, Loaded, Measured, Refusal, Run, Start
from bench.server import Running, Server, Setup, Unable, free_port, refuse_others

CONNECTIONS = (1, 8, 64)
FULL_LOAD = CONNECTIONS[-1]
MANY = (1_000, 100_000)
MOST = MANY[-1]

STARTS = "starts"
SIDE_BY_SIDE = "side by side"
CLOSE_UP = "close-up"
MANY_MOCKS = "many mocks"


@dataclass(frozen=True)
class Stage:
    """Cases for comparison with each other. Every round runs all cases."""

    name: str
    rounds: int
    cases: list[Case]
    connections: tuple[int, ...]


@dataclass(frozen=True)
class Turn:
    """One case's turn in one round of a stage."""

    stage: Stage
    round: int
    case: Case


def stages(servers: list[Server], rounds: int) -> list[Stage]:
    keys = [server.key for server in servers]
    competitors = [server.key for server in servers if server.holds_mocks and not isinstance(server, Echo)]
    # Goals for start and memory are about an Echo without mocks. Each other server has one mock.
    idle = [Case(server.key, 0 if isinstance(server, Echo) else 1) for server in servers]
    echo = [Case(Echo.key), *(Case(Echo.key, count) for count in MANY), Case(Echo.key, miss=True)]
    others = [Case(other.key) for other in (EchoAsDeployed, EchoWithTelemetry, EchoWithoutCollector, EchoOnDynamoDb)]
    close_up = [Case("hyper"), *echo, *others] if Echo.key in keys else []
    return [
        Stage(STARTS, rounds, idle, connections=()),
        Stage(SIDE_BY_SIDE, rounds, [Case(key) for key in keys], CONNECTIONS),
        # The goals differ by a few per cent, and these servers start at once: more rounds, and each case close to its
        # rivals.
        Stage(CLOSE_UP, 2 * rounds + 1, [case for case in close_up if case.server in keys], (FULL_LOAD,)),
        Stage(MANY_MOCKS, rounds, [Case(key, count) for key in competitors for count in MANY], (FULL_LOAD,)),
    ]


class Bench:
    def __init__(self, servers: list[Server], folder: Path, seconds: int) -> None:
        self.measured = Measured(facts=machine.facts(), servers=[_described(server) for server in servers])
        self._servers = {server.key: server for server in servers}
        self._folder = folder
        self._seconds = seconds
        self._setups: dict[tuple[str, int, str], Setup] = {}

    def run(self, planned: list[Stage]) -> None:
        stolen, began = machine.stolen_seconds(), time.monotonic()
        total = sum(stage.rounds * len(stage.cases) for stage in planned)
        for number, turn in enumerate(_in_turn(planned), start=1):
            named = f"[{number}/{total}] {turn.stage.name}, round {turn.round}: {self._named(turn.case)}"
            if self.measured.refuses(turn.case):
                continue
            try:
                self._take(turn, named)
            except Unable as reason:
                self.measured.refusals.append(Refusal(turn.case.server, turn.case.mocks, str(reason), turn.case.kind))
                _say(f"{named}: {reason}")
        elapsed = time.monotonic() - began
        self.measured.facts |= {
            "seconds a run": str(self._seconds),
            "taken by the hypervisor meanwhile": f"{(machine.stolen_seconds() - stolen) / elapsed:.1%} of a core",
            "duration": f"{elapsed / 60:.0f} minutes",
        }

    def _take(self, turn: Turn, named: str) -> None:
        server = self._servers[turn.case.server]
        setup = self._setup(server, turn.case.mocks, turn.case.kind)
        asked = mocks.write_asked(setup.folder / "asked.lua", setup.kind, setup.mocks, miss=turn.case.miss)
        served = 0
        with server.serving(setup) as running:
            self._note_start(turn.case, running)
            _say(f"{named}: ready after {running.ready_seconds:.3f} s")
            if not turn.stage.connections:
                if isinstance(server, EchoOnDynamoDb):
                    with server.beside(setup) as other:
                        self.measured.writes += writes.measure(running.port, other.port, server.dynamodb)
                return
            if server.holds_mocks:
                refuse_others(setup)
            served += load.run(running.port, asked, FULL_LOAD, server.warm_up_seconds).requests
            for connections in turn.stage.connections:
                run = self._measure(turn, running, asked, connections)
                served += run.requests
                _say(f"{named}, {connections} conn.: {run.per_second:,.0f} requests/s")
            memory = running.process.memory()
            self.measured.loaded.append(Loaded(server.key, setup.mocks, **asdict(memory), kind=setup.kind))
        if server.key == EchoWithTelemetry.key:
            self._note_export(server, served)

    def _setup(self, server: Server, count: int, kind: str) -> Setup:
        """The setup of a server in all rounds, prepared at the first call."""
        key = (server.key, count, kind)
        if key not in self._setups:
            folder = self._folder / f"{server.key}-{count}-{kind.replace(' ', '-')}"
            folder.mkdir()
            setup = Setup(folder, free_port(), count, kind)
            server.prepare(setup)
            self._setups[key] = setup
            if isinstance(server, Echo) and (made := server.creations.get(setup)):
                created = Creation(server.key, count, made.seconds, **asdict(made.memory), kind=kind)
                self.measured.creations.append(created)
        return self._setups[key]

    def _measure(self, turn: Turn, running: Running, asked: Path, connections: int) -> Run:
        running.process.wait_until_idle()
        began, server_cpu, busy = time.monotonic(), running.process.cpu_seconds(), machine.busy_seconds()
        seen = load.run(running.port, asked, connections, self._seconds)
        server_cpu = running.process.cpu_seconds() - server_cpu
        busy_cores = (machine.busy_seconds() - busy) / (time.monotonic() - began)
        if not seen.requests:
            raise Unable(f"no response in {self._seconds} s under load")
        if seen.refused != (seen.requests if turn.case.miss else 0):
            raise Unable(f"{seen.refused:,} of {seen.requests:,} responses under load were 4xx or 5xx")
        run = Run(
            stage=turn.stage.name,
            round=turn.round,
            **turn.case._asdict(),
            connections=connections,
            requests=seen.requests,
            seconds=seen.seconds,
            p50=seen.p50,
            p90=seen.p90,
            p99=seen.p99,
            broken=seen.broken,
            server_cpu=server_cpu,
            busy_cores=busy_cores,
        )
        self.measured.runs.append(run)
        return run

    def _note_start(self, case: Case, running: Running) -> None:
        memory = running.process.memory()
        start = Start(case.server, case.mocks, running.ready_seconds, **asdict(memory), kind=case.kind)
        self.measured.starts.append(start)

    def _note_export(self, server: EchoWithTelemetry, served: int) -> None:
        if not server.exported.posts:
            raise Unable("telemetry was on, but nothing reached the sink")
        self.measured.exports.append(Export(served, server.exported.posts, server.exported.bytes))

    def _named(self, case: Case) -> str:
        server = self._servers[case.server]
        if not server.holds_mocks and case.kind == mocks.PLAIN:
            return server.title
        return f"{server.title}, {'404s' if case.miss else mocks.named(case.kind, case.mocks)}"


def _described(server: Server) -> Described:
    return Described(
        key=server.key,
        title=server.title,
        version=server.version(),
        settings=server.settings,
        warm_up_seconds=server.warm_up_seconds,
        size=server.size(),
        holds_mocks=server.holds_mocks,
        matching=server.matching,
    )


def _in_turn(planned: list[Stage]) -> Iterator[Turn]:
    """Turns of all rounds. Every second round is reversed, so that no server is always first or always after the same one."""
    for stage in planned:
        for number in range(stage.rounds):
            for case in stage.cases if number % 2 == 0 else reversed(stage.cases):
                yield Turn(stage, number + 1, case)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
