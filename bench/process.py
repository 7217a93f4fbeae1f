"""A server's processes: start, CPU time, memory, end."""

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
STOP_SECONDS = 10

# A server is idle if it uses less than this share of a core.
IDLE_SHARE = 0.2
IDLE_SECONDS = 0.2
IDLE_LIMIT_SECONDS = 20

# Settings of Echo and OpenTelemetry in the person's environment must not affect the measurement.
FOREIGN_PREFIXES = ("ECHO_", "OTEL_")


@dataclass(frozen=True)
class Memory:
    """Memory of all processes, in bytes. Shared memory counts for each process in `resident`, once in `proportional`."""

    resident: int
    proportional: int


class Process:
    """A server and its children in their own session, by which they are found, measured and ended."""

    def __init__(self, command: list[str], *, environment: dict[str, str], folder: Path, log: Path) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN_PREFIXES)}
        self._log = log
        with log.open("wb") as stderr:
            self.started_at = time.perf_counter()
            # Standard output has access logs (Mockoon's cannot be switched off): discard them, so that no server pays
            # for a disk.
            self._leader = subprocess.Popen(
                command,
                cwd=folder,
                env=inherited | environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                start_new_session=True,
            )

    def has_ended(self) -> bool:
        return self._leader.poll() is not None

    def last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"exit code {self._leader.returncode}, no message"

    def cpu_seconds(self) -> float:
        """User and system time of all processes so far."""
        ticks = 0
        for pid in self._pids():
            stat = _stat(pid)
            ticks += int(stat[11]) + int(stat[12]) if stat else 0
        return ticks / CLOCK_TICKS

    def wait_until_idle(self) -> None:
        """Slow servers work on for seconds after their clients have gone. Ends after IDLE_LIMIT_SECONDS at the latest."""
        limit = time.monotonic() + IDLE_LIMIT_SECONDS
        used = self.cpu_seconds()
        while time.monotonic() < limit:
            time.sleep(IDLE_SECONDS)
            before, used = used, self.cpu_seconds()
            if used - before < IDLE_SECONDS * IDLE_SHARE:
                return

    def memory(self) -> Memory:
        pids = self._pids()
        return Memory(
            resident=sum(_kibibytes(Path(f"/proc/{pid}/status"), "VmRSS:") for pid in pids) * 1024,
            proportional=sum(_kibibytes(Path(f"/proc/{pid}/smaps_rollup"), "Pss:") for pid in pids) * 1024,
        )

    def stop(self) -> None:
        self._leader.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._leader.wait(STOP_SECONDS)
        for pid in self._pids():  # processes that ignored the signal, or lost their parent
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._leader.wait()

    def _pids(self) -> list[int]:
        everyone = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
        return [pid for pid in everyone if (stat := _stat(pid)) and int(stat[3]) == self._leader.pid]


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat after the command's name (which may contain spaces): [3] is the session."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _kibibytes(file: Path, field: str) -> int:
    for line in file.read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1])
    return 0
