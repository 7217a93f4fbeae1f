"""docs/performance.md: the sections and the method of the measurement of all servers."""

from bench import goals, mocks, plan, tables
from bench.goals import DEPLOYED, DYNAMODB, HYPER, MISSED, MOST_MOCKS, NO_COLLECTOR, ONE_MOCK, TELEMETRY
from bench.measured import Case, Measured
from bench.report import Page, Section, broken, created, load_method, refusals
from bench.server import READY_LIMIT_SECONDS

# Bytes of a span with little more than its ids, its times and the mandatory attributes of an HTTP span.
SHORTEST_SPAN = 120

CLOSE_UP = {
    "bare hyper": HYPER,
    "Echo, 1 mock": ONE_MOCK,
    "Echo, 1,000 mocks": Case("echo", 1_000),
    "Echo, 100,000 mocks": MOST_MOCKS,
    "Echo, 404s (1 mock)": MISSED,
    "Echo, telemetry as in prod (1 mock)": DEPLOYED,
    "Echo, telemetry on (1 mock)": TELEMETRY,
    "Echo, collector dead (1 mock)": NO_COLLECTOR,
    "Echo on DynamoDB (1 mock)": DYNAMODB,
}


def page(measured: Measured) -> Page:
    return Page(
        title="Performance",
        command="scripts/bench",
        other="[Performance of matching](performance-matching.md) has calls with path parameters and tests.",
        sections=_sections(measured),
        method=_method(measured),
    )


def _sections(measured: Measured) -> list[Section]:
    return [
        Section(
            "Goals",
            tables.goal_table(goals.goals(measured)),
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
                *broken(measured),
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
        Section("Echo, close up", tables.close_up_table(measured, CLOSE_UP, HYPER, "× hyper"), _exports(measured)),
        Section(
            "Writes on DynamoDB",
            tables.writes_table(measured),
            [
                "DynamoDB Local, in memory and on the same machine, one writer. A bare transaction has four items, like a "
                "creation. A change and a deletion wait until no process can return the previous response "
                "([why](consistency/design.md)); a creation starts again after a write of another process."
            ],
        ),
        Section("Many mocks", tables.many_mocks_table(measured), refusals(measured)),
        Section(
            "Start, memory and size",
            tables.footprint_table(measured),
            [
                *(created(made) for made in measured.creations if made.mocks == plan.MOST),
                "Echo's row without mocks is a first start, which creates the store. *Resident* counts shared memory "
                "once for each process, *proportional* once. *Installed size* excludes the JVM, Node "
                "or Python.",
            ],
        ),
    ]


def _method(measured: Measured) -> list[str]:
    side_by_side, close_up, many_mocks = (
        max((run.round for run in measured.runs if run.stage == stage), default=0)
        for stage in (plan.SIDE_BY_SIDE, plan.CLOSE_UP, plan.MANY_MOCKS)
    )
    return [
        *load_method(measured),
        "The servers take turns, every second round in reverse order. A figure is the median of its rounds "
        f"({side_by_side}; Echo, close up: {close_up}; competitors with many mocks: {many_mocks}). "
        "A ratio is the median of the ratios within each round, so a slower machine affects both sides.",
        f"A mock is `{mocks.VERB} {mocks.path(0)}` (and so on) with code {mocks.CODE}, `Content-Type: "
        f"{mocks.CONTENT_TYPE}` and the body `{mocks.BODY}`: {mocks.OWN_BYTES} bytes of its own. Before a run the mock "
        "loaded last must return this response, and a request without a mock a 404; a run with another status is "
        "discarded with its server.",
        f"wrk walks over {mocks.REQUESTS} prebuilt requests, spread evenly over the mocks, with one script for 1 mock "
        "and for 100,000. So few mocks stay in the processor's caches; a wider spread would be slower.",
        f"A server that is not ready within {READY_LIMIT_SECONDS} s cannot hold this number of mocks ({tables.NOTHING}).",
        "*Ready* is the time from exec to the first right response (Echo: of `/-/ready`), polled without pause. Memory is "
        "VmRSS and PSS of all processes at that moment, and VmRSS again after the load.",
    ]


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
