"""docs/performance.md, and the same tables for the terminal."""

from dataclasses import dataclass

from bench import mocks, plan, tables
from bench.create import WRITERS
from bench.goals import mebibytes
from bench.measured import Described, Measured
from bench.server import READY_LIMIT_SECONDS
from bench.tables import Table, markdown

# Bytes of a span that has little more than its ids, its times and the attributes that every HTTP span must have.
SHORTEST_SPAN = 120


@dataclass(frozen=True)
class Section:
    """A table, and what has to be known to read it rightly."""

    title: str
    table: Table
    notes: list[str]


def terminal(measured: Measured) -> str:
    return "\n\n".join(_text(section, heading="") for section in _sections(measured))


def document(measured: Measured) -> str:
    parts = [
        "# Performance",
        f"Measured on {measured.facts['date']} by `scripts/bench`, which wrote this page too: run it, do not edit it.\n"
        "The figures are those of one small machine: compare them with each other, not with another machine's.",
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
                "A ratio is of requests per second at 64 connections. 404s may take 1.2 times as long as hits: then "
                "they have 0.83 of their rate."
            ],
        ),
        Section(
            "Requests per second",
            tables.throughput_table(measured),
            [
                "One mock. Bare hyper and nginx hold none: they answer every request alike. With one connection, wrk "
                "and the server wait for each other: whether the kernel puts them on one core or on two decides more "
                "than the server does.",
                *_broken(measured),
            ],
        ),
        Section(
            "CPU time",
            tables.cpu_table(measured),
            [
                "User and system time of all processes of the server. wrk shares the cores and takes what the server "
                "leaves, so this compares better than requests per second do."
            ],
        ),
        Section(
            "Latency",
            tables.latency_table(measured),
            [
                "As wrk sees it, with each connection always waiting for an answer. Under full load that is "
                "connections divided by throughput, and not what the client of a less busy server sees."
            ],
        ),
        Section("Echo, close up", tables.close_up_table(measured), _exports(measured)),
        Section(
            "Writes on DynamoDB",
            tables.writes_table(measured),
            [
                "DynamoDB Local, in memory and on the same machine, one writer. A bare transaction has four items, as a "
                "creation has. A change and a deletion wait until no process can answer with what was there before "
                "([why](consistency.md)); a creation that finds that another process has written begins once more."
            ],
        ),
        Section("Many mocks", tables.many_mocks_table(measured), _refusals(measured)),
        Section(
            "Start, memory and size",
            tables.footprint_table(measured),
            [
                *_creations(measured),
                "Echo's row without mocks is a first start, which has to make the store. *Resident* counts memory that "
                "processes share once for each of them, *proportional* once. *Installed size* is without the JVM, Node "
                "or Python that a server needs besides.",
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
        "one connection). **wrk shares the cores with the server**: requests per second are those of the pair.",
        "Each server runs alone. It is started anew for every round, and warmed up at 64 connections.",
        "The servers take turns, every second round in reverse order. A figure is the median of its rounds "
        f"({side_by_side}; Echo, close up: {close_up}; peers with many mocks: {many_mocks}). "
        "A ratio is the median of the ratios within each round, so a machine that gets slower slows both sides of it.",
        f"A mock is `{mocks.VERB} {mocks.path(0)}` (and so on) with code {mocks.CODE}, `Content-Type: "
        f"{mocks.CONTENT_TYPE}` and the body `{mocks.BODY}`: {mocks.OWN_BYTES} bytes of its own. Before a run the mock "
        "that was loaded last has to answer so, and a run with any other status is discarded with its server.",
        f"wrk walks over {mocks.REQUESTS} prebuilt requests, spread evenly over the mocks, with one script for 1 mock "
        "and for 100,000. What is asked so often stays in the processor's caches: wider spread, it would be colder.",
        f"A server that is not ready within {READY_LIMIT_SECONDS} s does not manage so many mocks ({tables.NOTHING}).",
        "*Ready* is from exec to the first right answer (for Echo, of `/-/ready`), polled without pause. Memory is "
        "VmRSS and PSS of all its processes at that moment, and VmRSS again after the load.",
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
    lost = "" if size / requests >= SHORTEST_SPAN else ", which is too little for a span of each: some were dropped"
    return [
        f"With telemetry on, {posts:,} OTLP requests reached the sink: {size / requests:,.0f} bytes for each request "
        f"that Echo served{lost}. The sink takes its part of the cores too."
    ]


def _refusals(measured: Measured) -> list[str]:
    titles = {server.key: server.title for server in measured.servers}
    return [f"{titles[each.server]}, {mocks.counted(each.mocks)}: {each.reason}." for each in measured.refusals]


def _creations(measured: Measured) -> list[str]:
    return [
        f"Creating {mocks.counted(made.mocks)} over the API took {made.seconds:.1f} s "
        f"({made.mocks / made.seconds:,.0f} a second): {WRITERS} writers, each of which waits until its mock is "
        f"durable. Echo then had {mebibytes(made.resident)} resident."
        for made in measured.creations
        if made.mocks == plan.MOST
    ]
