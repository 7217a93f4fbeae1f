"""The goals of the project, each computed from the measurements."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from bench import mocks, plan, writes
from bench.measured import Case, Figure, Measured, Run, figure, ratio

KIB, MIB = 2**10, 2**20

HYPER = Case("hyper")
ONE_MOCK = Case("echo")
MOST_MOCKS = Case("echo", plan.MOST)
MISSED = Case("echo", miss=True)
DEPLOYED = Case("echo-deployed")
TELEMETRY = Case("echo-telemetry")
NO_COLLECTOR = Case("echo-no-collector")
DYNAMODB = Case("echo-dynamodb")


@dataclass(frozen=True)
class Goal:
    text: str
    limit: float
    at_least: bool
    shown: Callable[[float], str]
    measured: Figure | None

    @property
    def asked(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.shown(self.limit)}"

    @property
    def verdict(self) -> str:
        if self.measured is None:
            return "not measured"
        value = self.measured.value
        return "met" if (value >= self.limit if self.at_least else value <= self.limit) else "**missed**"


def goals(measured: Measured) -> list[Goal]:
    def throughput(text: str, limit: float, case: Case, other: Case) -> Goal:
        return Goal(text, limit, True, "{:.2f} ×".format, throughput_ratio(measured, case, other))

    def at_most(text: str, limit: float, shown: Callable[[float], str], figure: Figure | None) -> Goal:
        return Goal(text, limit, False, shown, figure)

    return [
        throughput("a served mock, against bare hyper", 0.85, ONE_MOCK, HYPER),
        throughput("the same with telemetry on and every call traced", 0.75, TELEMETRY, HYPER),
        throughput("the same with a collector that is dead", 0.75, NO_COLLECTOR, HYPER),
        throughput("the same on DynamoDB, against the embedded store", 0.95, DYNAMODB, ONE_MOCK),
        throughput("100,000 mocks, against one", 0.97, MOST_MOCKS, ONE_MOCK),
        # At most 20 % slower: at most 1.2 times the duration.
        throughput("404s, against hits", 1 / 1.2, MISSED, ONE_MOCK),
        at_most("CPU time with telemetry as in prod, against none", 1.1, "{:.2f} ×".format,
                cpu_ratio(measured, DEPLOYED, ONE_MOCK)),
        at_most("ready with an empty store", 0.050, milliseconds, ready(measured, 0)),
        at_most("ready with 100,000 mocks", 0.3, milliseconds, ready(measured, plan.MOST)),
        at_most("resident memory when idle, empty store", 20 * MIB, mebibytes, resident(measured, ONE_MOCK.server)),
        at_most("the same on DynamoDB", 20 * MIB, mebibytes, resident(measured, DYNAMODB.server)),
        at_most("memory of a small mock beyond its own bytes, after a start", 1 * KIB, whole_bytes,
                per_mock_after_start(measured)),
        at_most("the same, right after creating them", 1 * KIB, whole_bytes, per_mock_after_creation(measured)),
        at_most("on DynamoDB, a creation beyond one bare transaction", 0.002, duration,
                beyond_transaction(measured, writes.CREATION)),
        at_most("the same, right after another process's", 0.002, duration,
                beyond_transaction(measured, writes.IN_TURN)),
        at_most("a change", 0.200, duration, acknowledged(measured, writes.CHANGE)),
        at_most("a deletion", 0.200, duration, acknowledged(measured, writes.DELETION)),
        at_most("a call in turn, against a bare UpdateItem", 2, "{:.2f} ×".format, turn_ratio(measured)),
    ]  # fmt: skip


def throughput_ratio(measured: Measured, case: Case, other: Case) -> Figure | None:
    return _ratio(measured, case, other, lambda run: run.per_second)


def cpu_ratio(measured: Measured, case: Case, other: Case) -> Figure | None:
    return _ratio(measured, case, other, lambda run: run.cpu_per_thousand)


def ready(measured: Measured, count: int) -> Figure | None:
    return figure(start.ready_seconds for start in measured.starts if (start.server, start.mocks) == ("echo", count))


def resident(measured: Measured, server: str) -> Figure | None:
    """Resident memory with an empty store."""
    return figure(start.resident for start in measured.starts if (start.server, start.mocks) == (server, 0))


def per_mock_after_start(measured: Measured) -> Figure | None:
    starts = [start for start in measured.starts if (start.server, start.mocks) == ("echo", plan.MOST)]
    return _per_mock(measured, [start.resident for start in starts])


def per_mock_after_creation(measured: Measured) -> Figure | None:
    made = [each for each in measured.creations if (each.server, each.mocks) == ("echo", plan.MOST)]
    return _per_mock(measured, [each.resident for each in made])


def acknowledged(measured: Measured, what: str) -> Figure | None:
    """The median of each start's writes."""
    return figure(median(written.seconds) for written in measured.writes if written.what == what)


def turn_ratio(measured: Measured) -> Figure | None:
    """The medians, start by start."""
    turns, bare = (
        [median(written.seconds) for written in measured.writes if written.what == what]
        for what in (writes.TURN, writes.UPDATE)
    )
    return figure(turn / update for turn, update in zip(turns, bare, strict=True))


def beyond_transaction(measured: Measured, what: str) -> Figure | None:
    creations, bare = (
        [median(written.seconds) for written in measured.writes if written.what == each]
        for each in (what, writes.TRANSACTION)
    )
    return figure(one - other for one, other in zip(creations, bare, strict=True))


def _per_mock(measured: Measured, with_mocks: list[int]) -> Figure | None:
    empty = [start.resident for start in measured.starts if (start.server, start.mocks) == ("echo", 0)]
    if not empty:
        return None
    return figure((resident - median(empty)) / plan.MOST - mocks.OWN_BYTES for resident in with_mocks)


def _ratio(measured: Measured, case: Case, other: Case, of: Callable[[Run], float]) -> Figure | None:
    runs, others = (measured.of(plan.CLOSE_UP, each, plan.FULL_LOAD) for each in (case, other))
    return ratio(runs, others, of)


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms"


def duration(seconds: float) -> str:
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 1:
        return f"{seconds * 1000:.{2 if seconds < 0.010 else 0}f} ms"
    return f"{seconds:.1f} s"


def mebibytes(size: float) -> str:
    return f"{size / MIB:,.1f} MiB"


def whole_bytes(size: float) -> str:
    return f"{size:,.0f} B"
