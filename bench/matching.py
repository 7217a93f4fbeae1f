"""The measurement of matching, templates and delays: its runs, its goals and docs/performance-matching.md."""

import json
from collections.abc import Callable
from statistics import median

from bench import mocks, plan, tables
from bench.goals import MIB, Goal, cpu_ratio, duration, mebibytes
from bench.measured import Case, Figure, Measured, Run, figure, ratio
from bench.mocks import CANDIDATES, DELAY, DELAY_MS, JSON_BODY, LARGER, MIXED, PATH_PARAMETER, TEMPLATE, THREE_TESTS
from bench.plan import FULL_LOAD, Stage
from bench.report import Page, Section, broken, created, load_method, refusals
from bench.server import READY_LIMIT_SECONDS, Server
from bench.tables import Table, cell, over

ECHO, HYPER = "echo", "hyper"
MIXES = (10, 1_000, 10_000)
MOST_CANDIDATES = 16
MILLION = 1_000_000

DELAYS = "delays"
WAITING = 512  # connections with a delayed response

# Mocks of all mock servers: kinds and numbers.
COMPARED = [
    *((kind, 1) for kind in (PATH_PARAMETER, THREE_TESTS, JSON_BODY, TEMPLATE)),
    *((MIXED, count) for count in MIXES),
]

PLAIN = Case(ECHO)
PARAMETER = Case(ECHO, kind=PATH_PARAMETER)
TESTS = Case(ECHO, kind=THREE_TESTS)
JSON = Case(ECHO, kind=JSON_BODY)
TEMPLATES = Case(ECHO, kind=TEMPLATE)
JSON_AT_HYPER = Case(HYPER, kind=JSON_BODY)
LAST_CANDIDATE = Case(ECHO, MOST_CANDIDATES, kind=CANDIDATES)
FEWEST_MIXED, SOME_MIXED, MOST_MIXED = (Case(ECHO, count, kind=MIXED) for count in MIXES)
ONE_LARGER, MILLION_LARGER = (Case(ECHO, count, kind=LARGER) for count in (1, MILLION))

CLOSE_UP = {
    "bare hyper": Case(HYPER),
    "Echo, plain mock": PLAIN,
    "Echo, path parameter": PARAMETER,
    "Echo, three tests": TESTS,
    "Echo, template with four values": TEMPLATES,
    "bare hyper, reads a body of 1 KB": JSON_AT_HYPER,
    "Echo, JSON body of 1 KB": JSON,
    f"Echo, last of {MOST_CANDIDATES} such mocks": LAST_CANDIDATE,
    "Echo, 10 mixed mocks": FEWEST_MIXED,
    "Echo, 1,000 mixed mocks": SOME_MIXED,
    "Echo, 10,000 mixed mocks": MOST_MIXED,
    "Echo, 1 plain mock of 200 bytes": ONE_LARGER,
    "Echo, 1,000,000 of these": MILLION_LARGER,
}


def stages(servers: list[Server], rounds: int) -> list[Stage]:
    keys = [server.key for server in servers]
    side_by_side = [Case(key, count, kind=kind) for kind, count in COMPARED for key in keys if key != HYPER]
    close_up = [case for case in CLOSE_UP.values() if case.server in keys]
    return [
        Stage(plan.SIDE_BY_SIDE, rounds, side_by_side, (FULL_LOAD,)),
        Stage(plan.CLOSE_UP, 2 * rounds + 1, close_up, (FULL_LOAD,)),
        Stage(DELAYS, rounds, [Case(key, kind=DELAY) for key in keys if key != HYPER], (WAITING,)),
    ]


def goals(measured: Measured) -> list[Goal]:
    def cpu(text: str, limit: float, case: Case, other: Case) -> Goal:
        return Goal(text, limit, False, _times, cpu_ratio(measured, case, other))

    memory = figure(start.resident for start in measured.starts if start.case == MILLION_LARGER)
    return [
        cpu("a path parameter, against a plain mock", 1.15, PARAMETER, PLAIN),
        cpu("three tests of query and headers, against a plain mock", 1.3, TESTS, PLAIN),
        cpu("a test of a JSON body of 1 KB, against bare hyper that reads it", 1.7, JSON, JSON_AT_HYPER),
        cpu("a template with four values, against a plain mock", 2.2, TEMPLATES, PLAIN),
        cpu(f"the last of {MOST_CANDIDATES} mocks with such tests, against a plain mock", 20, LAST_CANDIDATE, PLAIN),
        cpu("10,000 mixed mocks, against ten", 1.1, MOST_MIXED, FEWEST_MIXED),
        *(_against_others(measured, kind, count) for kind, count in COMPARED),
        cpu("a million plain mocks of 200 bytes, against one", 1.05, MILLION_LARGER, ONE_LARGER),
        Goal(f"p99 of a delay of {DELAY_MS} ms, {WAITING} connections", 0.060, False, duration, late(measured, ECHO)),
        Goal("resident memory with the million, after a start", 1024 * MIB, False, mebibytes, memory),
    ]


def late(measured: Measured, server: str) -> Figure | None:
    """p99 of delayed responses, in seconds."""
    return over(measured.of(DELAYS, Case(server, kind=DELAY), WAITING), lambda run: run.p99)


def _against_others(measured: Measured, kind: str, count: int) -> Goal:
    """Echo against the other mock server with the lowest CPU time for the same mocks."""
    timed = [
        (median(tables.cpu(run) for run in runs), server.title, runs)
        for server in measured.servers
        if server.key not in (ECHO, HYPER) and (runs := _runs(measured, server.key, kind, count))
    ]
    _, title, rivals = min(timed, default=(0, "not measured", []))
    text = f"{mocks.named(kind, count)}, against the fastest other server ({title})"
    return Goal(text, 1 / 3, False, _times, ratio(_runs(measured, ECHO, kind, count), rivals, tables.cpu))


def _times(value: float) -> str:
    return f"{tables.times(value)} ×"


def _runs(measured: Measured, server: str, kind: str, count: int) -> list[Run]:
    return measured.of(plan.SIDE_BY_SIDE, Case(server, count, kind=kind), FULL_LOAD)


def page(measured: Measured) -> Page:
    return Page(
        title="Performance of matching, templates and delays",
        command="scripts/bench --matching",
        other="[Performance](performance.md) has plain mocks, starts and memory. [Matching](matching.md) explains tests, and [Templates](templates.md) templates.",
        sections=_sections(measured),
        method=_method(measured),
    )


def _sections(measured: Measured) -> list[Section]:
    def cpu_ms(runs: list[Run], _: list[Run]) -> str:
        return cell(over(runs, tables.cpu), tables.cpu_ms)

    def times_echo(runs: list[Run], echo: list[Run]) -> str:
        return cell(ratio(runs, echo, tables.cpu), tables.times)

    def per_second(runs: list[Run], _: list[Run]) -> str:
        return cell(over(runs, tables.per_second), tables.whole)

    return [
        Section(
            "Goals",
            tables.goal_table(goals(measured)),
            ["Ratios compare the CPU time of a request at 64 connections."],
        ),
        Section(
            "CPU time",
            _side_by_side(measured, "CPU ms for 1,000 requests", cpu_ms),
            ["User and system time of all processes of the server.", *refusals(measured)],
        ),
        Section(
            "CPU time, against Echo",
            _side_by_side(measured, "× Echo", times_echo),
            ["The same mocks and requests for each server."],
        ),
        Section("Requests per second", _side_by_side(measured, "64 connections", per_second), broken(measured)),
        Section("Echo, close up", tables.close_up_table(measured, CLOSE_UP, PLAIN, "× plain"), []),
        Section(f"A delay of {DELAY_MS} ms", _delay_table(measured), []),
        Section(
            "A million mocks",
            _million_table(measured),
            [created(made) for made in measured.creations if made.mocks == MILLION],
        ),
    ]


def _side_by_side(measured: Measured, title: str, shown: Callable[[list[Run], list[Run]], str]) -> Table:
    """A text from each server's runs and from Echo's runs, for all compared mocks."""
    rows = [[title, *(mocks.named(kind, count) for kind, count in COMPARED)]]
    for server in measured.servers:
        if server.key != HYPER:
            cells = (shown(_runs(measured, server.key, *each), _runs(measured, ECHO, *each)) for each in COMPARED)
            rows.append([server.title, *cells])
    return rows


def _delay_table(measured: Measured) -> Table:
    rows = [[f"{WAITING} connections", "p50", "p99", "requests/s", "CPU ms for 1,000", "resident after load"]]
    for server in measured.servers:
        if server.key != HYPER:
            runs = measured.of(DELAYS, Case(server.key, kind=DELAY), WAITING)
            loaded = [each.resident for each in measured.loaded if (each.server, each.kind) == (server.key, DELAY)]
            rows.append([
                server.title,
                cell(over(runs, lambda run: run.p50), duration), cell(late(measured, server.key), duration),
                cell(over(runs, tables.per_second), tables.whole), cell(over(runs, tables.cpu), tables.cpu_ms),
                cell(figure(loaded), mebibytes),
            ])  # fmt: skip
    return rows


def _million_table(measured: Measured) -> Table:
    rows = [["Echo, plain mocks of 200 bytes", "ready after", "lowest – highest", "resident", "lowest – highest"]]
    for case in (ONE_LARGER, MILLION_LARGER):
        starts = [start for start in measured.starts if start.case == case]
        ready, resident = figure(start.ready_seconds for start in starts), figure(start.resident for start in starts)
        rows.append([
            mocks.counted(case.mocks),
            cell(ready, duration), tables.spread(ready, duration),
            cell(resident, mebibytes), tables.spread(resident, mebibytes),
        ])  # fmt: skip
    return rows


def _method(measured: Measured) -> list[str]:
    side_by_side, close_up = (
        max((run.round for run in measured.runs if run.stage == stage), default=0)
        for stage in (plan.SIDE_BY_SIDE, plan.CLOSE_UP)
    )
    tests = mocks.mock(THREE_TESTS, 0)
    header = ", ".join(f"{name}: {value}" for name, value in tests.headers.items())
    return [
        *load_method(measured),
        "The servers take turns with each kind of mocks, every second round in reverse order. A figure is the median "
        f"of its rounds ({side_by_side}; Echo, close up: {close_up}). A ratio is the median of the ratios within each "
        "round, so a slower machine affects both sides.",
        f"Each mock returns code {mocks.CODE}, `Content-Type: {mocks.CONTENT_TYPE}` and the body `{mocks.BODY}`.",
        f"*Path parameter*: `{mocks.VERB} {mocks.mock(PATH_PARAMETER, 0).path}`, called with {mocks.REQUESTS} values.",
        f"*Three tests*: `{tests.verb} {mocks.hit(tests).target}` with `{header}`. The mock tests these three values.",
        f"*JSON body*: a POST of {mocks.SENT_BYTES:,} bytes with an order of 16 items. The mock tests that the body "
        f"contains `{json.dumps(mocks.mock(JSON_BODY, 0).json)}`.",
        f"*Template*: `{mocks.VERB} {mocks.mock(TEMPLATE, 0).path}`. The body shows the parameter, a value of the query, a "
        "header and the method.",
        f"*Last of {MOST_CANDIDATES} such mocks*: Echo tests the body for each mock of the path. Only the last one fits.",
        "*Mixed mocks*: path parameter, three tests and JSON body in turn. Each mock has its own path, each kind a third of the requests.",
        "Before a run, the mocks loaded last must return their responses. Requests with another path, one more segment "
        "or another value of one test must get 404, which proves that the server runs all tests.",
        f"wrk walks over {mocks.REQUESTS} prebuilt requests, spread evenly over the mocks. CPU time includes requests that "
        f"are unfinished at the end, up to {FULL_LOAD}: servers with few requests per second appear a little slower.",
        f"A server that is not ready within {READY_LIMIT_SECONDS} s cannot hold these mocks ({tables.NOTHING}).",
        *(f"Mocks of {server.title}: {server.matching}." for server in measured.servers if server.matching),
        "Flask and nginx of [performance](performance.md) are left out: they have no matching.",
    ]
