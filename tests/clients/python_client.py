"""Sends the requests of a table by http.client or requests, on kept connections.

    python_client.py http.client|requests TABLE

Both send the body directly behind `Expect`, without waiting for `100 Continue`. HTTP allows that.
"""

import http.client
import sys
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import requests

TIMEOUT_SECONDS = 30
PIECE = b"x" * 65_536


class Request:
    def __init__(self, line: str) -> None:
        columns = line.rstrip("\n").split("\t")
        self.name, self.method, self.url, headers, size, framing, expect, pause, status, repeat = columns
        self.headers = dict(header.split(": ", 1) for header in headers.split("|") if header)
        if expect == "yes":
            self.headers["Expect"] = "100-continue"
        self.chunked = framing == "chunked"
        self.size, self.pause, self.status, self.repeat = int(size), int(pause) / 1000, int(status), int(repeat)

    def body(self) -> Iterator[bytes]:
        time.sleep(self.pause)
        for start in range(0, self.size, len(PIECE)):
            yield PIECE[: self.size - start]


class HttpClient:
    def __init__(self, url: str) -> None:
        self.server = urlsplit(url).netloc
        self.connection = http.client.HTTPConnection(self.server, timeout=TIMEOUT_SECONDS)

    def send(self, request: Request) -> int:
        framing = {"Transfer-Encoding": "chunked"} if request.chunked else {"Content-Length": str(request.size)}
        path, headers = request.url.removeprefix(f"http://{self.server}"), request.headers | framing
        try:
            self.connection.request(request.method, path, request.body(), headers, encode_chunked=request.chunked)
            answer = self.connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            self.connection.close()  # The next request opens a new one.
            raise
        return answer.status


class SizedBody:
    """A body that requests does not chunk, because its length is known."""

    def __init__(self, request: Request) -> None:
        self.request = request

    def __len__(self) -> int:
        return self.request.size

    def __iter__(self) -> Iterator[bytes]:
        return self.request.body()


class Requests:
    def __init__(self, _url: str) -> None:
        self.session = requests.Session()
        self.session.trust_env = False

    def send(self, request: Request) -> int:
        body = request.body() if request.chunked else SizedBody(request) if request.size else b""
        return self.session.request(
            request.method, request.url, data=body, headers=request.headers, timeout=TIMEOUT_SECONDS
        ).status_code


def main() -> None:
    with open(sys.argv[2], encoding="utf-8") as table:
        following, *cases = map(Request, table)
    client = {"http.client": HttpClient, "requests": Requests}[sys.argv[1]](following.url)
    sent = 0
    for case in cases:
        for _ in range(case.repeat):
            for what, request in (("answer", case), ("next", following)):
                sent += 1
                try:
                    status = client.send(request)
                    why = None if status == request.status else f"status {status}"
                except (OSError, http.client.HTTPException) as error:  # An exception of requests is an OSError.
                    why = f"{type(error).__name__}: {error}"
                if why:
                    print("lost", case.name, what, why, sep="\t")
    print("sent", sent, sep="\t")


main()
