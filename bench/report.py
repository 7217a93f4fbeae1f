"""A page of docs/ with the results of a measurement, and the same tables for the terminal."""

from dataclasses import dataclass

from bench import mocks, tables
from bench.create import WRITERS
from bench.goals import mebibytes
from bench.measured import Creation, Described, Measured
from bench.tables import Table, markdown


@dataclass(frozen=True)
class Section:
    """A table, and notes for its readers."""

    title: str
    table: Table
    notes: list[str]


@dataclass(frozen=True)
class Page:
    """The results of a measurement, which `command` makes. `other` is a sentence about the other page."""

    title: str
    command: str
    other: str
    sections: list[Section]
    method: list[str]


def terminal(page: Page) -> str:
    return "\n\n".join(_text(section, heading="") for section in page.sections)


def document(page: Page, measured: Measured) -> str:
    parts = [
        f"# {page.title}",
        f"Measured on {measured.facts['date']} by `{page.command}`. "
        f"Do not edit this page: run `{page.command}`, which writes it.\n"
        "The figures are from one small machine: compare them with each other, not with figures from other machines.\n"
        f"{page.other}",
        *(_text(section, heading="## ") for section in page.sections),
        "## Method",
        _list(page.method),
        "## Servers",
        _list([_server(server) for server in measured.servers]),
        "## Machine",
        _list([f"{name}: {value}" for name, value in measured.facts.items() if name not in ("date", "seconds a run")]),
    ]
    return "\n\n".join(parts) + "\n"


def _text(section: Section, *, heading: str) -> str:
    return "\n\n".join([f"{heading}{section.title}", markdown(section.table), *section.notes])


def _list(lines: list[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _server(server: Described) -> str:
    return f"**{server.title}** ({server.version}; warmed up for {server.warm_up_seconds} s): {server.settings}."


def load_method(measured: Measured) -> list[str]:
    """The method of each measurement under load."""
    return [
        f"wrk over loopback, HTTP/1.1 with keep-alive, {measured.facts['seconds a run']} s a run, two threads (one for "
        "one connection). **wrk shares the cores with the server**: requests per second are for both together.",
        "Each server runs alone. Each round starts the server again, and warms it up at 64 connections.",
    ]


def broken(measured: Measured) -> list[str]:
    counts = {
        server.title: sum(run.broken for run in measured.runs if run.server == server.key)
        for server in measured.servers
    }
    broken = [f"{title} {count:,}" for title, count in counts.items() if count]
    return [f"Connections refused, reset or timed out, in all runs: {', '.join(broken)}."] if broken else []


def refusals(measured: Measured) -> list[str]:
    titles = {server.key: server.title for server in measured.servers}
    return [
        f"{titles[each.server]}, {mocks.named(each.kind, each.mocks)}: {each.reason}." for each in measured.refusals
    ]


def created(made: Creation) -> str:
    return (
        f"Creating {mocks.named(made.kind, made.mocks)} over the API took {made.seconds:.1f} s "
        f"({made.mocks / made.seconds:,.0f} a second): {WRITERS} writers, each waiting until its mock is "
        f"durable. Echo then had {mebibytes(made.resident)} resident."
    )
