"""The harness of proofs in a sandbox: each proof is counted and told in a line, and the sandbox ends with the last one."""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import traceback

import order
from client import expect

ROOT = pathlib.Path(__file__).resolve().parents[3]
# Each offset is a separate sandbox.
OFFSET = int(os.environ.get("ECHO_SANDBOX_OFFSET", "10000"))
STATE = ROOT / f"target/sandbox-{OFFSET}"
results = {"passed": 0, "failed": 0}


@contextlib.contextmanager
def proving(what):
    """Counts and prints a proof as passed or failed. The next proofs go on after a failure."""
    start = time.monotonic()
    try:
        yield
    except Exception as error:
        results["failed"] += 1
        mark, why = "FAILED", f": {error or traceback.format_exc()}"
    else:
        results["passed"] += 1
        mark, why = "ok", ""
    print(f"{mark}: {what} ({time.monotonic() - start:.0f} s){why}", flush=True)


def sandbox(*arguments):
    """Runs scripts/sandbox, and returns its exit code and output."""
    done = subprocess.run([ROOT / "scripts/sandbox", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


def succeed(*arguments):
    code, output = sandbox(*arguments)
    if code:
        raise AssertionError(f"scripts/sandbox {' '.join(arguments)} ended with {code}:\n{output[-3000:]}")
    return output


def in_order(what_for):
    expect("calls in the record of the sandbox", len(order.writes(STATE, what_for)) > 10, True)
    if refused := order.refused(STATE, what_for):
        raise AssertionError("\n".join(["in this order AWS refuses calls of Terraform, or tasks lose something:", *refused]))


def complaints():
    """The last errors of the emulator, because its log ends with the sandbox."""
    with contextlib.suppress(OSError):
        lines = (STATE / "emulator.log").read_text(errors="replace").splitlines()
        starts = [number for number, line in enumerate(lines) if re.search(r" (ERROR|CRITICAL) |^Traceback", line)]
        return [line for number in starts[-3:] for line in lines[number : number + 25]]
    return []


def ended(prove):
    """Runs the proofs, then ends the sandbox, whatever happens. Returns the exit code."""
    # SIGTERM ends the sandbox too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        prove()
    finally:
        if results["failed"]:
            print(*complaints(), sep="\n")
        # An already ended sandbox is no failure.
        sandbox("discard")
    print(f"{results['passed']} passed, {results['failed']} failed")
    return 1 if results["failed"] else 0
