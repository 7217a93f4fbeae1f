"""The machine of the measurement."""

import os
import platform
import shutil
from datetime import UTC, datetime
from pathlib import Path

from bench import tools

# A higher load average before the start means that other programs disturb the measurement.
QUIET_LOAD = 0.5

# Commands that print a version, and the text before it.
_VERSIONS = {
    "rustc": (["rustc", "--version"], "rustc "),
    "Java": (["java", "-version"], "openjdk version "),
    "Node": (["node", "--version"], "v"),
    "wrk": (["wrk", "-v"], "wrk "),
}


def facts() -> dict[str, str]:
    """Facts known before the first run, by their names in the report."""
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
    """Average number of running or waiting processes in the last minute."""
    return os.getloadavg()[0]


def busy_seconds() -> float:
    """CPU time of all processes of the machine so far."""
    user, nice, system, _idle, _iowait, irq, softirq, *_ = _cpu_times()
    return user + nice + system + irq + softirq


def stolen_seconds() -> float:
    """CPU time that the hypervisor took from this machine for others."""
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
