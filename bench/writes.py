"""How long Echo takes to acknowledge a write on DynamoDB, beside the bare transaction that the write is."""

import contextlib
import http.client
import json
import time
from collections.abc import Iterator
from typing import Any

from bench import mocks
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
                ids.append(_create(echo, number))
        for id in ids:
            with timed("change"):
                change = {"type": "endpoints", "id": id, "attributes": {"response": {"body": "changed"}}}
                _manage(echo, "PATCH", f"/endpoints/{id}", change, 200)
            with timed("deletion"):
                _manage(echo, "DELETE", f"/endpoints/{id}", None, 204)
    return [Written(what, each) for what, each in seconds.items()]


def _create(echo: http.client.HTTPConnection, number: int) -> str:
    response = {"code": mocks.CODE, "headers": {"Content-Type": mocks.CONTENT_TYPE}, "body": mocks.BODY}
    attributes = {"verb": mocks.VERB, "path": f"/written/{number}", "response": response}
    answer = _manage(echo, "POST", "/endpoints", {"type": "endpoints", "attributes": attributes}, 201)
    return str(json.loads(answer)["data"]["id"])


def _manage(echo: http.client.HTTPConnection, verb: str, path: str, data: dict[str, Any] | None, wanted: int) -> str:
    body = None if data is None else json.dumps({"data": data})
    echo.request(verb, path, body, {"Content-Type": "application/vnd.api+json"} if body else {})
    answer = echo.getresponse()
    text = answer.read().decode(errors="replace")
    if answer.status != wanted:
        raise Unable(f"answered {verb} {path} with {answer.status}: {text}")
    return text
