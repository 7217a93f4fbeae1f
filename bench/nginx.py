"""nginx as the benchmark runs it: with a configuration of its own, in a folder of its own, beside any other nginx."""

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

# One worker is enough to discard, and takes the least of the cores that it shares with Echo. It logs the length of
# each POST, so that a run in which nothing was exported cannot pass for one with telemetry on.
_SINK = """
    log_format length $content_length;
    access_log {log} length;
    client_max_body_size 0;
    server {{ listen 127.0.0.1:{port}; return 200; }}
"""


def ruler(folder: Path, port: int) -> list[str]:
    """The command of an nginx that answers every request as a mock would."""
    http = _RULER.format(port=port, code=mocks.CODE, content_type=mocks.CONTENT_TYPE, body=mocks.BODY)
    return _command(folder, _CONFIGURATION.format(workers="auto", http=http))


def sink(folder: Path, port: int) -> list[str]:
    """The command of an nginx that reads what it is sent and answers 200 with nothing. Its log begins anew."""
    sink_log(folder).unlink(missing_ok=True)
    return _command(folder, _CONFIGURATION.format(workers=1, http=_SINK.format(port=port, log=sink_log(folder))))


def sink_log(folder: Path) -> Path:
    return folder / "lengths.log"


def _command(folder: Path, configuration: str) -> list[str]:
    file = folder / "nginx.conf"
    file.write_text(configuration)
    return ["nginx", "-e", "stderr", "-p", str(folder), "-c", str(file)]
