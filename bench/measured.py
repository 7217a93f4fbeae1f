"""Measurements as flat records in JSON, so that a report can be written again without a new measurement."""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.mocks import PLAIN


class Case(NamedTuple):
    """A server with `mocks` mocks of a kind. Requests hit the mocks, or with `miss` none of them."""

    server: str
    mocks: int = 1
    miss: bool = False
    kind: str = PLAIN


@dataclass(frozen=True)
class Run:
    """One case under load in one round of a stage. Times are in seconds."""

    stage: str
    round: int
    server: str
    mocks: int
    miss: bool
    connections: int
    requests: int
    seconds: float
    p50: float
    p90: float
    p99: float
    broken: int
    server_cpu: float
    busy_cores: float  # of the whole machine, including other programs
    kind: str = PLAIN

    @property
    def case(self) -> Case:
        return Case(self.server, self.mocks, self.miss, self.kind)

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds

    @property
    def cpu_per_thousand(self) -> float:
        return self.server_cpu / self.requests * 1000


@dataclass(frozen=True)
class Start:
    """Time from exec to the first right response, and memory at that moment, before any load."""

    server: str
    mocks: int
    ready_seconds: float
    resident: int
    proportional: int
    kind: str = PLAIN

    @property
    def case(self) -> Case:
        return Case(self.server, self.mocks, kind=self.kind)


@dataclass(frozen=True)
class Loaded:
    """Memory at the end of a start's runs."""

    server: str
    mocks: int
    resident: int
    proportional: int
    kind: str = PLAIN


@dataclass(frozen=True)
class Creation:
    """Mocks created over Echo's API, and its memory after the last."""

    server: str
    mocks: int
    seconds: float
    resident: int
    proportional: int
    kind: str = PLAIN


@dataclass(frozen=True)
class Refusal:
    """Mocks that a server cannot hold or serve, with the reason."""

    server: str
    mocks: int
    reason: str
    kind: str = PLAIN


@dataclass(frozen=True)
class Export:
    """Telemetry of one start at the sink, and the number of requests served."""

    requests: int
    posts: int
    bytes: int


@dataclass(frozen=True)
class Described:
    """A server in the report."""

    key: str
    title: str
    version: str
    settings: str
    warm_up_seconds: int
    size: int | None
    holds_mocks: bool
    matching: str = ""


@dataclass(frozen=True)
class Written:
    """Durations of sequential writes of one kind until their acknowledgement, at one start."""

    what: str
    seconds: list[float]


@dataclass
class Measured:
    facts: dict[str, str] = field(default_factory=dict)
    servers: list[Described] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    loaded: list[Loaded] = field(default_factory=list)
    creations: list[Creation] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    exports: list[Export] = field(default_factory=list)
    writes: list[Written] = field(default_factory=list)

    def save(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(asdict(self), indent=1))

    @classmethod
    def load(cls, file: Path) -> "Measured":
        kinds = {"servers": Described, "runs": Run, "starts": Start, "loaded": Loaded, "creations": Creation,
                 "refusals": Refusal, "exports": Export, "writes": Written}  # fmt: skip
        kept = json.loads(file.read_text())
        records = {name: [kind(**record) for record in kept[name]] for name, kind in kinds.items()}
        return cls(facts=kept["facts"], **records)

    def of(self, stage: str, case: Case, connections: int) -> list[Run]:
        """The runs of a case, one a round, in the order of the rounds."""
        return [
            run for run in self.runs if (run.stage, run.case, run.connections) == (stage, case, connections)
        ]  # fmt: skip

    def refuses(self, case: Case) -> bool:
        held = (case.server, case.mocks, case.kind)
        return any((each.server, each.mocks, each.kind) == held for each in self.refusals)


@dataclass(frozen=True)
class Figure:
    """Median, minimum and maximum of the rounds."""

    value: float
    lowest: float
    highest: float


def figure(values: Iterable[float]) -> Figure | None:
    """None without measurements."""
    values = list(values)
    return Figure(median(values), min(values), max(values)) if values else None


def ratio(runs: list[Run], others: list[Run], of: Callable[[Run], float]) -> Figure | None:
    """Ratio of `runs` to `others`, round by round, so that a change of the machine's speed cancels out."""
    theirs = {run.round: of(run) for run in others}
    return figure(of(run) / theirs[run.round] for run in runs if theirs.get(run.round))
