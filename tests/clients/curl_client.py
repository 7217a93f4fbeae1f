"""Sends the requests of a table by one process of curl, on kept connections.

    curl_client.py TABLE

curl cannot pause between the head and the body.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

TIMEOUT_SECONDS = 30


def options(name: str, what: str, line: str, bodies: Path) -> str:
    """A request in curl's configuration file."""
    _, method, url, headers, size, framing, expect, _pause, status, _ = line.split("\t")
    body = bodies / size
    if not body.exists():
        body.write_bytes(b"x" * int(size))
    # `Expect:` keeps curl from sending the header by itself with a large body.
    lines = [*headers.split("|"), "Expect: 100-continue" if expect == "yes" else "Expect:"]
    if framing == "chunked":
        lines.append("Transfer-Encoding: chunked")
    quoted = [line.replace('"', r"\"") for line in lines if line]
    report = rf"{name}\t{what}\t{status}\t%{{http_code}}\t%{{exitcode}}\t%{{errormsg}}\n"
    return "\n".join([
        f'url = "{url}"', f"request = {method}", f'upload-file = "{body}"', *(f'header = "{line}"' for line in quoted),
        "silent", "output = /dev/null", 'noproxy = "*"', f"max-time = {TIMEOUT_SECONDS}", f'write-out = "{report}"',
    ])  # fmt: skip


def main() -> None:
    following, *cases = Path(sys.argv[1]).read_text().splitlines()
    with tempfile.TemporaryDirectory() as folder:
        requests = []
        for case in cases:
            name, *_, repeat = case.split("\t")
            pair = [options(name, what, line, Path(folder)) for what, line in (("answer", case), ("next", following))]
            requests += pair * int(repeat)
        config = Path(folder) / "config"
        config.write_text("\nnext\n".join(requests))
        curl = subprocess.run(["curl", "-q", "--config", config], stdout=subprocess.PIPE, text=True)
    reports = curl.stdout.splitlines()
    for report in reports:
        name, what, wanted, status, exit_code, error = report.split("\t")
        if exit_code != "0" or status != wanted:
            print("lost", name, what, error or f"status {status}", sep="\t")
    print("sent", len(reports), sep="\t")


main()
