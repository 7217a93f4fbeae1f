"""The pace of the emulated AWS.

A proof writes a number into the file `hurry` of $SANDBOX_STATE: periods of health checks, grace, firewall and scaling get shorter by this factor.
Alarms, metrics of dashboards and time-outs of requests keep their time.
"""

import os
import time
from pathlib import Path

_file = Path(os.environ.get("SANDBOX_STATE", ".")) / "hurry"


def of(seconds):
    """The length of a period of AWS in the sandbox."""
    try:
        return seconds / float(_file.read_text())
    except FileNotFoundError:
        return seconds


def next_end(seconds, late=0):
    """The time at which the running period ends, and `late` seconds more."""
    length = of(seconds)
    return (time.time() // length + 1) * length + late
