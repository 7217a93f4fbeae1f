"""docs/performance.md, and the same tables for the terminal."""

from dataclasses import dataclass

from bench import mocks, plan, tables
from bench.create import WRITERS
from bench.goals import mebibytes
from bench.measured import Described, Measured
from bench.server import READY_LIMIT_SECONDS
from bench.tables import Table, markdown

# Bytes of a span with little more than its ids, its times and the mandatory attributes of an HTTP span.
SHORTEST_SPAN = 120


@dataclass(frozen=True)
class Section:
    """A table, and notes for its readers."""

    title: str
    table: Table
    notes: list[str]


def terminal(measured: Measured) -> str:
    return "\n\n".join(_text(section, heading="") for section in _sections(measured))


def document(measured: Measured) -> str:
    parts = [
        "# Performance",
        f"Measured on {measured.facts['date']} by `scripts/bench`. "
        "Do not edit this page: run `scripts/bench`, which writes it.\n"
        "The figures are from one small machine: compare them with each other, not with figures from other machines.",
        *(_text(section, heading="## ") for section in _sections(measured)),
        "## Method",
        _list(_method(measured)),
        "## Servers",
        _list([_server(server) for server in measured.servers]),
        "## Machine",
        _list([f"{name}: {value}" for name, value in measured.facts.items() if name not in ("date", "seconds a run")]),
    ]
    return "\n\n".join(parts) + "\n"


def _sections(measured: Measured) -> list[Section]:
    return [
        Section(
            "Goals",
            tables.goal_table(measured),
            [
                "Ratios compare requests per second at 64 connections. 404s may take 1.2 times as long as hits, which is a "
                "ratio of 0.83."
            ],
        ),
        Section(
            "Requests per second",
            tables.throughput_table(measured),
            [
                "One mock. Bare hyper and nginx hold no mocks: every request gets the same response. With one connection, wrk "
                "and the server wait for each other: the kernel's choice of one core or two affects the result more "
                "than the server.",
                *_broken(measured),
            ],
        ),
        Section(
            "CPU time",
            tables.cpu_table(measured),
            [
                "User and system time of all processes of the server. wrk shares the cores and uses the time that the server "
                "leaves, so CPU time compares servers better than requests per second."
            ],
        ),
        Section(
            "Latency",
            tables.latency_table(measured),
            [
                "As measured by wrk, with each connection always waiting for a response. Under full load, latency is "
                "connections divided by throughput. Clients of a less busy server see lower latencies."
            ],
        ),
        Section("Echo, close up", tables.close_up_table(measured), _exports(measured)),
        Section(
            "Writes on DynamoDB",
            tables.writes_table(measured),
            [
                "DynamoDB Local, in memory and on the same machine, one writer. A bare transaction has four items, like a "
                "creation. A change and a deletion wait until no process can return the previous response "
                "([why](consistency/design.md)); a creation starts again after a write of another process."
            ],
        ),
        Section("Many mocks", tables.many_mocks_table(measured), _refusals(measured)),
        Section(
            "Start, memory and size",
            tables.footprint_table(measured),
            [
                *_creations(measured),
                "Echo's row without mocks is a first start, which creates the store. *Resident* counts shared memory "
                "once for each process, *proportional* once. *Installed size* excludes the JVM, Node "
                "or Python.",
            ],
        ),
    ]


def _text(section: Section, *, heading: str) -> str:
    return "\n\n".join([f"{heading}{section.title}", markdown(section.table), *section.notes])


def _list(lines: list[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _method(measured: Measured) -> list[str]:
    side_by_side, close_up, many_mocks = (
        max((run.round for run in measured.runs if run.stage == stage), default=0)
        for stage in (plan.SIDE_BY_SIDE, plan.CLOSE_UP, plan.MANY_MOCKS)
    )
    return [
        f"wrk over loopback, HTTP/1.1 with keep-alive, {measured.facts['seconds a run']} s a run, two threads (one for "
        "one connection). **wrk shares the cores with the server**: requests per second are for both together.",
        "Each server runs alone. Each round starts the server again, and warms it up at 64 connections.",
        "The servers take turns, every second round in reverse order. A figure is the median of its rounds "
        f"({side_by_side}; Echo, close up: {close_up}; competitors with many mocks: {many_mocks}). "
        "A ratio is the median of the ratios within each round, so a slower machine affects both sides.",
        f"A mock is `{mocks.VERB} {mocks.path(0)}` (and so on) with code {mocks.CODE}, `Content-Type: "
        f"{mocks.CONTENT_TYPE}` and the body `{mocks.BODY}`: {mocks.OWN_BYTES} bytes of its own. Before a run the mock "
        "loaded last must return this response; a run with another status is discarded with its server.",
        f"wrk walks over {mocks.REQUESTS} prebuilt requests, spread evenly over the mocks, with one script for 1 mock "
        "and for 100,000. So few mocks stay in the processor's caches; a wider spread would be slower.",
        f"A server that is not ready within {READY_LIMIT_SECONDS} s cannot hold this number of mocks ({tables.NOTHING}).",
        "*Ready* is the time from exec to the first right response (Echo: of `/-/ready`), polled without pause. Memory is "
        "VmRSS and PSS of all processes at that moment, and VmRSS again after the load.",
    ]


def _server(server: Described) -> str:
    return f"**{server.title}** ({server.version}; warmed up for {server.warm_up_seconds} s): {server.settings}."


def _broken(measured: Measured) -> list[str]:
    counts = {
        server.title: sum(run.broken for run in measured.runs if run.server == server.key)
        for server in measured.servers
    }
    broken = [f"{title} {count:,}" for title, count in counts.items() if count]
    return [f"Connections refused, reset or timed out, in all runs: {', '.join(broken)}."] if broken else []


def _exports(measured: Measured) -> list[str]:
    if not measured.exports:
        return []
    posts, size, requests = (
        sum(getattr(export, name) for export in measured.exports) for name in ("posts", "bytes", "requests")
    )
    lost = "" if size / requests >= SHORTEST_SPAN else ", too little for a span of each request: some spans were dropped"
    return [
        f"With telemetry on, {posts:,} OTLP requests reached the sink: {size / requests:,.0f} bytes for each request "
        f"that Echo served{lost}. The sink uses part of the CPU as well."
    ]


def _refusals(measured: Measured) -> list[str]:
    titles = {server.key: server.title for server in measured.servers}
    return [f"{titles[each.server]}, {mocks.counted(each.mocks)}: {each.reason}." for each in measured.refusals]


def _creations(measured: Measured) -> list[str]:
    return [
        f"Creating {mocks.counted(made.mocks)} over the API took {made.seconds:.1f} s "
        f"({made.mocks / made.seconds:,.0f} a second): {WRITERS} writers, each waiting until its mock is "
        f"durable. Echo then had {mebibytes(made.resident)} resident."
        for made in measured.creations
        if made.mocks == plan.MOST
    ]
