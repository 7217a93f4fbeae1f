"""The limits of the service's patience: its memory, and the time for which a client can go on sending."""

import contextlib
import socket
import time
from concurrent.futures import ThreadPoolExecutor

from processes import Echo
from table import LARGE, Target

# Bodies that are kept take 480 MB. Discarded bodies take the buffers of their connections, about 20 MB.
UPLOADS = 48
MEMORY_BOUND_BYTES = 100_000_000
UPLOAD_TARGETS = ("401 no key", "404 unknown id", "200 mock")
# Much longer than the service's request time-out, for a busy machine.
CUT_OFF_BOUND_SECONDS = 20


def memory(echo: Echo, targets: list[Target]) -> list[str]:
    """Opens many uploads at once, each without its last byte, and compares the service's peaks of memory."""
    before = echo.peak_bytes()

    def upload(target: Target) -> socket.socket:
        connection = _connect(echo, target, f"Content-Length: {LARGE + 1}")
        # A connection that the service has closed takes no memory.
        with contextlib.suppress(OSError):
            connection.sendall(b"x" * LARGE)
        return connection

    uploads = [target for target in targets if target.name in UPLOAD_TARGETS] * (UPLOADS // len(UPLOAD_TARGETS))
    with ThreadPoolExecutor(UPLOADS) as pool:
        connections = list(pool.map(upload, uploads))
    growth = echo.peak_bytes() - before
    for connection in connections:
        connection.close()
    if growth <= MEMORY_BOUND_BYTES:
        return []
    return [f"{UPLOADS} uploads of {LARGE:,} B at once took {growth:,} B of memory, more than {MEMORY_BOUND_BYTES:,} B"]


def cut_off(echo: Echo, targets: list[Target]) -> list[str]:
    """Sends fast and slowly to all targets, without end, until the service closes the connection."""

    def is_cut_off(target: Target, piece: bytes, pause: float) -> bool:
        chunk = b"%x\r\n%b\r\n" % (len(piece), piece)
        deadline = time.monotonic() + CUT_OFF_BOUND_SECONDS
        with _connect(echo, target, "Transfer-Encoding: chunked") as connection:
            while time.monotonic() < deadline:
                try:
                    connection.sendall(chunk)
                except TimeoutError:  # The connection is open, and the service does not read.
                    return False
                except OSError:
                    return True
                time.sleep(pause)
        return False

    clients = [(target, *manner) for target in targets for manner in ((b"x" * 65_536, 0), (b"x", 0.1))]
    with ThreadPoolExecutor(len(clients)) as pool:
        results = list(pool.map(is_cut_off, *zip(*clients)))
    return [
        f"{target.name}: after {CUT_OFF_BOUND_SECONDS} s a client can still send, in pieces of {len(piece):,} B"
        for (target, piece, _), cut in zip(clients, results)
        if not cut
    ]


def _connect(echo: Echo, target: Target, framing: str) -> socket.socket:
    host, port = echo.address.split(":")
    connection = socket.create_connection((host, int(port)), timeout=CUT_OFF_BOUND_SECONDS)
    headers = [f"{name}: {value}" for name, value in ({"Host": echo.address} | target.headers).items()]
    connection.sendall("\r\n".join([f"{target.method} {target.path} HTTP/1.1", *headers, framing, "", ""]).encode())
    return connection
