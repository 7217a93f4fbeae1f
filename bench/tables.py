"""The tables of the report: a heading row, and rows of text with measured figures only."""

from collections.abc import Callable
from statistics import median

from bench import goals, mocks, plan
from bench.goals import DEPLOYED, DYNAMODB, HYPER, MIB, NO_COLLECTOR, ONE_MOCK, TELEMETRY, Goal, duration
from bench.measured import Case, Described, Figure, Measured, Run, figure, ratio

Table = list[list[str]]

NOTHING = "–"


def markdown(table: Table) -> str:
    """Pads columns for terminals. All columns but the first contain figures, aligned to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    rule = [("-" if number == 0 else "-:").rjust(width, "-") for number, width in enumerate(widths)]
    rows = [table[0], rule, *table[1:]]
    return "\n".join(
        "| "
        + " | ".join(_pad(cell, width, number) for number, (cell, width) in enumerate(zip(row, widths, strict=True)))
        + " |"
        for row in rows
    )


def goal_table(all_goals: list[Goal]) -> Table:
    rows = [["goal", "asked", "measured", "lowest – highest", "verdict"]]
    for goal in all_goals:
        rows.append(
            [goal.text, goal.asked, cell(goal.measured, goal.shown), spread(goal.measured, goal.shown), goal.verdict]
        )
    return rows


def throughput_table(measured: Measured) -> Table:
    """Requests per second at each number of connections, and their ratio to bare hyper."""
    rows = [["", *_for_connections("{} conn.", "× hyper")]]
    for server in measured.servers:
        row = [server.title]
        for connections in plan.CONNECTIONS:
            runs = measured.of(plan.SIDE_BY_SIDE, Case(server.key), connections)
            row += [
                cell(over(runs, per_second), whole),
                cell(_to_hyper(measured, runs, connections, per_second), times),
            ]
        rows.append(row)
    return rows


def cpu_table(measured: Measured) -> Table:
    """The server's own CPU time for 1,000 requests, and its ratio to bare hyper."""
    rows = [["CPU ms for 1,000 requests", *_for_connections("{} conn.", "× hyper")]]
    for server in measured.servers:
        row = [server.title]
        for connections in plan.CONNECTIONS:
            runs = measured.of(plan.SIDE_BY_SIDE, Case(server.key), connections)
            row += [cell(over(runs, cpu), cpu_ms), cell(_to_hyper(measured, runs, connections, cpu), times)]
        rows.append(row)
    return rows


def latency_table(measured: Measured) -> Table:
    percentiles: dict[str, Callable[[Run], float]] = {
        "p50": lambda run: run.p50,
        "p90": lambda run: run.p90,
        "p99": lambda run: run.p99,
    }
    rows = [["", *(f"{connections} conn. {name}" for connections in plan.CONNECTIONS for name in percentiles)]]
    for server in measured.servers:
        row = [server.title]
        for connections in plan.CONNECTIONS:
            runs = measured.of(plan.SIDE_BY_SIDE, Case(server.key), connections)
            row += [cell(over(runs, percentile), duration) for percentile in percentiles.values()]
        rows.append(row)
    return rows


def close_up_table(measured: Measured, cases: dict[str, Case], reference: Case, times_reference: str) -> Table:
    """The cases, and their ratios to the reference case."""
    rows = [["64 connections", "requests/s", "lowest – highest", times_reference, "CPU ms for 1,000", times_reference,
             "p50", "p99", "cores busy"]]  # fmt: skip
    for name, case in cases.items():
        runs = measured.of(plan.CLOSE_UP, case, plan.FULL_LOAD)
        rate = over(runs, per_second)
        rows.append([
            name,
            cell(rate, whole), spread(rate, whole), cell(goals.throughput_ratio(measured, case, reference), times),
            cell(over(runs, cpu), cpu_ms), cell(goals.cpu_ratio(measured, case, reference), times),
            cell(over(runs, lambda run: run.p50), duration), cell(over(runs, lambda run: run.p99), duration),
            cell(over(runs, lambda run: run.busy_cores / int(measured.facts["cores"])), "{:.0%}".format),
        ])  # fmt: skip
    return rows


def many_mocks_table(measured: Measured) -> Table:
    """Requests per second with growing numbers of mocks, and the ratio of the largest number to one."""
    rows = [["requests/s, 64 connections", "1 mock", *(mocks.counted(count) for count in plan.MANY), "most to one"]]
    for server in measured.servers:
        if not server.holds_mocks or server.key in (DEPLOYED.server, TELEMETRY.server, NO_COLLECTOR.server, DYNAMODB.server):
            continue
        is_echo = server.key == ONE_MOCK.server
        one = measured.of(plan.CLOSE_UP if is_echo else plan.SIDE_BY_SIDE, Case(server.key), plan.FULL_LOAD)
        many = [
            measured.of(plan.CLOSE_UP if is_echo else plan.MANY_MOCKS, Case(server.key, count), plan.FULL_LOAD)
            for count in plan.MANY
        ]
        kept = ratio(many[-1], one, per_second)
        rows.append(
            [server.title, *(cell(over(runs, per_second), whole) for runs in [one, *many]), cell(kept, times)]
        )
    return rows


def writes_table(measured: Measured) -> Table:
    """Durations of writes on DynamoDB until their acknowledgement, over all starts."""
    rows = [["until it is acknowledged", "writes", "p50", "p90", "longest"]]
    for what in dict.fromkeys(written.what for written in measured.writes):
        seconds = sorted(each for written in measured.writes if written.what == what for each in written.seconds)
        ninth = seconds[len(seconds) * 9 // 10]
        shown = [duration(each) for each in (median(seconds), ninth, seconds[-1])]
        rows.append([what, f"{len(seconds):,}", *shown])
    return rows


def footprint_table(measured: Measured) -> Table:
    """Start, memory and size. Echo's first row has an empty store, the first row of other servers one mock."""
    rows = [["", "mocks", "ready after", "resident", "proportional", "resident after load", "installed size"]]
    for server in measured.servers:
        counts = sorted({start.mocks for start in measured.starts if start.server == server.key})
        for count in counts:
            rows.append(_footprint(measured, server, count, is_first=count == counts[0]))
    return rows


def _footprint(measured: Measured, server: Described, count: int, *, is_first: bool) -> list[str]:
    starts = [start for start in measured.starts if (start.server, start.mocks) == (server.key, count)]
    loaded = [each.resident for each in measured.loaded if (each.server, each.mocks) == (server.key, count)]
    return [
        server.title,
        f"{count:,}" if server.holds_mocks else NOTHING,
        cell(figure(start.ready_seconds for start in starts), duration),
        cell(figure(start.resident for start in starts), goals.mebibytes),
        cell(figure(start.proportional for start in starts), goals.mebibytes),
        goals.mebibytes(median(loaded)) if loaded else NOTHING,
        f"{server.size / MIB:,.1f} MiB" if server.size and is_first else NOTHING,
    ]


def per_second(run: Run) -> float:
    return run.per_second


def cpu(run: Run) -> float:
    return run.cpu_per_thousand


def whole(value: float) -> str:
    return f"{value:,.0f}"


def times(value: float) -> str:
    return f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def cpu_ms(seconds: float) -> str:
    return f"{seconds * 1000:,.1f}"


def _for_connections(*names: str) -> list[str]:
    return [name.format(connections) for connections in plan.CONNECTIONS for name in names]


def over(runs: list[Run], value: Callable[[Run], float]) -> Figure | None:
    return figure(value(run) for run in runs)


def _to_hyper(measured: Measured, runs: list[Run], connections: int, of: Callable[[Run], float]) -> Figure | None:
    return ratio(runs, measured.of(plan.SIDE_BY_SIDE, HYPER, connections), of)


def cell(figure: Figure | None, shown: Callable[[float], str]) -> str:
    return shown(figure.value) if figure else NOTHING


def spread(figure: Figure | None, shown: Callable[[float], str]) -> str:
    return f"{shown(figure.lowest)} – {shown(figure.highest)}" if figure else NOTHING


def _pad(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column == 0 else cell.rjust(width)
