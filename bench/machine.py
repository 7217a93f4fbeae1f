"""The machine on which the figures were measured."""

import os
import platform
import shutil
from datetime import UTC, datetime
from pathlib import Path

from bench import tools

# A load average above this before the start: the figures will be those of something else too.
QUIET_LOAD = 0.5

# How tools name their version: the command, and what stands before it.
_VERSIONS = {
    "rustc": (["rustc", "--version"], "rustc "),
    "Java": (["java", "-version"], "openjdk version "),
    "Node": (["node", "--version"], "v"),
    "wrk": (["wrk", "-v"], "wrk "),
}


def facts() -> dict[str, str]:
    """What is known before the first run, under the names that the report prints."""
    versions = {
        name: tools.first_line(*command).removeprefix(before).partition(" [")[0].replace('"', "")
        for name, (command, before) in _VERSIONS.items()
        if shutil.which(command[0])
    }
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        **versions,
        "load average before the first run": f"{load_average():.2f}",
    }


def load_average() -> float:
    """How many processes ran or waited for a core in the last minute."""
    return os.getloadavg()[0]


def busy_seconds() -> float:
    """CPU time that all processes of the machine have taken so far."""
    user, nice, system, _idle, _iowait, irq, softirq, *_ = _cpu_times()
    return user + nice + system + irq + softirq


def stolen_seconds() -> float:
    """CPU time that the hypervisor gave to other machines when this one could have used it."""
    return _cpu_times()[7]


def _cpu_times() -> list[float]:
    ticks = os.sysconf("SC_CLK_TCK")
    first = Path("/proc/stat").read_text().partition("\n")[0]
    return [int(value) / ticks for value in first.split()[1:]]


def _processor() -> str:
    lines = (line.partition(":") for line in Path("/proc/cpuinfo").read_text().splitlines())
    described = {name.strip(): value.strip() for name, _, value in lines}
    name = described.get("model name", platform.machine())
    return f"{name} (virtual machine)" if "hypervisor" in described.get("flags", "").split() else name
