"""The processes of the test: Echo, nginx before Echo, and the clients."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

LIMIT_SECONDS = 30

# One process with the caller's rights: only the caller can write into the folder.
NGINX = """
daemon off;
master_process off;
pid nginx.pid;
error_log stderr warn;
events {{}}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    client_max_body_size 0;
    upstream echo {{ server {upstream}; keepalive 8; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://echo;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }}
    }}
}}
"""


@dataclass(frozen=True)
class Echo:
    """A running service, and a key for each scope."""

    address: str
    write: str
    read: str
    pid: int

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def peak_bytes(self) -> int:
        """The service's peak of memory so far."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"^VmHWM:\s*(\d+) kB$", status, re.MULTILINE)[1]) * 1024


@contextlib.contextmanager
def started(command: list[str | Path], **options) -> Iterator[subprocess.Popen]:
    """A process in its own session, which ends with its children."""
    process = subprocess.Popen(command, start_new_session=True, **options)
    try:
        yield process
    finally:
        for end in (signal.SIGTERM, signal.SIGKILL):
            if process.poll() is None:
                os.killpg(process.pid, end)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(LIMIT_SECONDS)


@contextlib.contextmanager
def echo(program: str, folder: Path, *settings: str) -> Iterator[Echo]:
    """Runs a service, which must not log an error."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ECHO_", "OTEL_"))}
    (write, write_entry), (read, read_entry) = (_key(program, environment, scope) for scope in ("write", "read"))
    folder.mkdir()
    log = folder / "service.log"
    command = [
        program, "--listen", "127.0.0.1:0", "--store", "memory", "--keys", f"{write_entry},{read_entry}",
        "--rate-limit", "0", "--log-format", "json", *settings,
    ]  # fmt: skip
    with log.open("w") as stdout, started(command, env=environment, stdout=stdout) as process:
        found = _await(process, lambda: re.search(r'"serving".*"mocks":"([^"]*)"', log.read_text()))
        yield Echo(found[1], write, read, process.pid)
    errors = [line for line in log.read_text().splitlines() if '"level":"ERROR"' in line]
    if errors:
        raise RuntimeError("\n".join(["the service has logged errors:", *errors]))


@contextlib.contextmanager
def nginx(upstream: str, folder: Path) -> Iterator[str]:
    """Runs an nginx that keeps its connections to the upstream. Yields its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder.mkdir()
    configuration = folder / "nginx.conf"
    configuration.write_text(NGINX.format(upstream=upstream, port=port))
    command = ["nginx", "-e", "stderr", "-p", folder, "-c", configuration]
    with (folder / "stderr.log").open("w") as stderr, started(command, stderr=stderr) as process:
        _await(process, lambda: _listens(port))
        yield f"http://127.0.0.1:{port}"


def _key(program: str, environment: dict[str, str], scope: str) -> tuple[str, str]:
    """A new token, and its entry for `--keys`."""
    command = [program, "key", "new", "--name", scope, "--scope", scope]
    new = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    token, entry = (re.search(rf"^{name} [^:]*: *(.*)$", new, re.MULTILINE)[1] for name in ("token", "entry"))
    return token, entry


def _await(process: subprocess.Popen, condition: Callable):
    deadline = time.monotonic() + LIMIT_SECONDS
    while not (found := condition()):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args[0]} does not start")
        time.sleep(0.02)
    return found


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
