"""The fixture `mocks` gives a running Echo the mocks of one test."""

import json
import os
from collections.abc import Callable, Iterator
from urllib.request import Request, urlopen

import pytest

URL = os.environ.get("MOCKS_URL", "http://127.0.0.1:8080")


@pytest.fixture
def mocks() -> Iterator[Callable[..., str]]:
    """Call it with mocks; it returns the address of the mocks."""

    def manage(method: str, body: list[dict[str, object]] | None = None) -> None:
        data = None if body is None else json.dumps(body).encode()
        urlopen(Request(f"{URL}/-/sets/pytest", data, {"Content-Type": "application/json"}, method=method), timeout=10).close()

    def serve(*wanted: dict[str, object]) -> str:
        manage("PUT", list(wanted))
        return URL

    yield serve
    manage("DELETE")
