"""nginx for the benchmark, with its own configuration and folder, so that another nginx is not affected."""

from pathlib import Path

from bench import mocks

_CONFIGURATION = """
daemon off;
pid nginx.pid;
error_log stderr warn;
worker_processes {workers};
events {{ worker_connections 1024; }}
http {{
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    keepalive_requests 1000000000;
    keepalive_timeout 3600s;
{http}
}}
"""

_RULER = """
    access_log off;
    default_type {content_type};
    server {{ listen 127.0.0.1:{port} reuseport; return {code} '{body}'; }}
"""

# One worker is enough to discard data, and leaves most of the shared CPU to Echo. The log has the length of each POST,
# so that a run without exports is not taken for a run with telemetry.
_SINK = """
    log_format length $content_length;
    access_log {log} length;
    client_max_body_size 0;
    server {{ listen 127.0.0.1:{port}; return 200; }}
"""


def ruler(folder: Path, port: int) -> list[str]:
    """The command of an nginx that returns a mock's response to every request."""
    http = _RULER.format(port=port, code=mocks.CODE, content_type=mocks.CONTENT_TYPE, body=mocks.BODY)
    return _command(folder, _CONFIGURATION.format(workers="auto", http=http))


def sink(folder: Path, port: int) -> list[str]:
    """The command of an nginx that discards each request and returns an empty 200. Its log starts empty."""
    sink_log(folder).unlink(missing_ok=True)
    return _command(folder, _CONFIGURATION.format(workers=1, http=_SINK.format(port=port, log=sink_log(folder))))


def sink_log(folder: Path) -> Path:
    return folder / "lengths.log"


def _command(folder: Path, configuration: str) -> list[str]:
    file = folder / "nginx.conf"
    file.write_text(configuration)
    return ["nginx", "-e", "stderr", "-p", str(folder), "-c", str(file)]
