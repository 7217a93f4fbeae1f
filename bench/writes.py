"""How long Echo takes to acknowledge a write on DynamoDB, beside the bare transaction that the write is."""

import contextlib
import http.client
import json
import time
from collections.abc import Iterator
from typing import Any

from bench.create import document
from bench.dynamodb import DynamoDb, ask, transaction
from bench.measured import Written
from bench.server import Unable

COUNT = 50


def measure(port: int, dynamodb: DynamoDb) -> list[Written]:
    """Creations and bare transactions in turn, so that both see the same DynamoDB Local; then changes and deletions."""
    seconds: dict[str, list[float]] = {what: [] for what in ("transaction", "creation", "change", "deletion")}

    @contextlib.contextmanager
    def timed(what: str) -> Iterator[None]:
        started_at = time.perf_counter()
        yield
        seconds[what].append(time.perf_counter() - started_at)

    with (
        contextlib.closing(http.client.HTTPConnection("127.0.0.1", port)) as echo,
        contextlib.closing(http.client.HTTPConnection("127.0.0.1", dynamodb.port)) as store,
    ):
        ids = []
        for number in range(COUNT):
            with timed("transaction"):
                ask(store, "TransactWriteItems", transaction(f"written {number}"))
            with timed("creation"):
                answer = _manage(echo, "POST", "/endpoints", document(f"/written/{number}"), 201)
            ids.append(json.loads(answer)["data"]["id"])
        for id in ids:
            with timed("change"):
                change = {"data": {"type": "endpoints", "id": id, "attributes": {"response": {"body": "changed"}}}}
                _manage(echo, "PATCH", f"/endpoints/{id}", change, 200)
            with timed("deletion"):
                _manage(echo, "DELETE", f"/endpoints/{id}", None, 204)
    return [Written(what, each) for what, each in seconds.items()]


def _manage(echo: http.client.HTTPConnection, verb: str, path: str, sent: dict[str, Any] | None, wanted: int) -> str:
    body = None if sent is None else json.dumps(sent)
    echo.request(verb, path, body, {"Content-Type": "application/vnd.api+json"} if body else {})
    answer = echo.getresponse()
    text = answer.read().decode(errors="replace")
    if answer.status != wanted:
        raise Unable(f"answered {verb} {path} with {answer.status}: {text}")
    return text
