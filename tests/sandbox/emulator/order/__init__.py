"""Judges whether AWS would take Terraform's calls in their order, and whether tasks keep their ways out meanwhile.

The emulator asks a Judge about each writing call, and answers a refused call with AWS's error. $SANDBOX_STATE/calls then has two files
of JSON lines: `writes` has each writing call in order, `refused` has each call that AWS refuses or that breaks running tasks. Tests read
them by `writes` and `refused`.
"""

import json
import time

from . import egress, rules, wire
from .wire import call_of  # noqa: F401
from .world import ELEMENTS, World


class Judge:
    def __init__(self):
        self.world = World()
        self.closed = {}

    def refuse(self, call):
        """The first reason for which AWS refuses a call; None if it takes the call."""
        return next((finding for rule in rules.REFUSED for finding in rule(self.world, call)), None)

    def take(self, call):
        """Takes over an accepted call, and returns findings about it."""
        findings = [finding for rule in rules.TAKEN_AND_WRONG for finding in rule(self.world, call)]
        self.world.apply(call)
        before, self.closed = self.closed, egress.closed(self.world)
        for subnet, services in sorted(self.closed.items()):
            if new := services - before.get(subnet, set()):
                place = self.world.things.get(subnet, subnet)
                findings.append(rules.Finding("", f"Tasks in {place} cannot reach {', '.join(sorted(new))}: no way out is open."))
        return findings


class Record:
    """The judge of a sandbox, with its files."""

    def __init__(self, folder):
        self.folder, self.judge = folder, Judge()

    def refusal(self, call):
        """The answer to a call that AWS refuses; None for all others."""
        finding = self.judge.refuse(call)
        if not finding:
            return None
        call.status = 400
        self._write("writes", call.record())
        self._found(call, self._named(call), finding)
        return wire.refusal(call, finding.code, finding.why)

    def taken(self, call, status, answer):
        """Notes the result of a call that the judge did not refuse."""
        call.status = status
        if call.action in ELEMENTS:
            call.made = wire.found(answer, ELEMENTS[call.action])
        self._write("writes", call.record())
        if status < 300:
            named = self._named(call)
            for finding in self.judge.take(call):
                self._found(call, named, finding)

    def _named(self, call):
        """The call with its resources, which a deletion takes out of the world."""
        return " ".join(str(self.judge.world.things.get(word, word)) for word in call.what.split())

    def _found(self, call, named, finding):
        self._write("refused", {"what_for": call.what_for, "call": named, "code": finding.code, "why": finding.why})

    def _write(self, file, line):
        self.folder.mkdir(exist_ok=True)
        with (self.folder / file).open("a") as lines:
            print(json.dumps({"at": round(time.time(), 3), **line}), file=lines)


def writes(state, what_for=None):
    """The writing calls of a sandbox, in order: of one root's applies and destroys, as `apply/dev`, or of all."""
    return _lines(state / "calls/writes", what_for)


def refused(state, what_for=None):
    """A sentence for each finding of a sandbox, in order: of one root's applies and destroys, as `apply/dev`, or of all."""
    return [f"{line['call']}: {line['code'] or 'AWS takes it, but'} {line['why']}" for line in _lines(state / "calls/refused", what_for)]


def _lines(file, what_for):
    lines = map(json.loads, file.read_text().splitlines()) if file.exists() else ()
    return [line for line in lines if what_for in (None, line.get("what_for"))]
