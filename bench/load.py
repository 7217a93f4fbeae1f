"""One run of wrk against one server."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).parent / "wrk" / "mocks.lua"

# Two threads, so that the load generator is never limited by one core. At full load, both wrk and the server always
# have work, and a server with a lower CPU cost gets more requests.
MOST_THREADS = 2

# With 64 waiting requests, slow servers with many mocks take seconds for a response. A late response is not a lost one.
TIMEOUT = "30s"


@dataclass(frozen=True)
class Load:
    """Results of wrk. Latencies are in seconds."""

    requests: int
    seconds: float
    p50: float
    p90: float
    p99: float
    refused: int  # answers with a status of 400 or more
    broken: int  # connections refused, reset or timed out


def run(port: int, asked: Path, connections: int, seconds: int) -> Load:
    """Sends the requests in the file `asked`, in order, over keep-alive connections."""
    command = [
        "wrk",
        "--threads", str(min(connections, MOST_THREADS)),
        "--connections", str(connections),
        "--duration", f"{seconds}s",
        "--timeout", TIMEOUT,
        "--script", str(SCRIPT),
        f"http://127.0.0.1:{port}",
        "--", str(asked),
    ]  # fmt: skip
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    seen = json.loads(printed.splitlines()[-1])
    microseconds = {name: seen[name] / 1e6 for name in ("p50", "p90", "p99")}
    return Load(
        seen["requests"], seen["duration"] / 1e6, **microseconds, refused=seen["refused"], broken=seen["broken"]
    )
