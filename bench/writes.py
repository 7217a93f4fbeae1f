"""Time until Echo acknowledges a write or takes a turn on DynamoDB, beside the bare request of each."""

import contextlib
import http.client
import json
import time
from collections.abc import Iterator
from typing import Any

from bench.create import document
from bench.dynamodb import DynamoDb, ask, transaction, update
from bench.measured import Written
from bench.mocks import Mock
from bench.server import Unable

COUNT = 50


# Names of the timed writes in the report.
TRANSACTION = "a bare transaction"
CREATION = "a creation"
IN_TURN = "a creation right after another process's"
CHANGE = "a change"
DELETION = "a deletion"
UPDATE = "a bare UpdateItem"
TURN = "a call in turn"


def measure(port: int, other_port: int, dynamodb: DynamoDb) -> list[Written]:
    """Times creations and bare transactions in turn, so that both see the same DynamoDB Local; changes and deletions;
    creations by two processes in turn, each after a write of the other process; and calls of a mock with responses in
    turn, beside bare updates."""
    kinds = (TRANSACTION, CREATION, IN_TURN, CHANGE, DELETION, UPDATE, TURN)
    seconds: dict[str, list[float]] = {what: [] for what in kinds}

    @contextlib.contextmanager
    def timed(what: str) -> Iterator[None]:
        started_at = time.perf_counter()
        yield
        seconds[what].append(time.perf_counter() - started_at)

    with (
        contextlib.closing(http.client.HTTPConnection("127.0.0.1", port)) as echo,
        contextlib.closing(http.client.HTTPConnection("127.0.0.1", other_port)) as other,
        contextlib.closing(http.client.HTTPConnection("127.0.0.1", dynamodb.port)) as store,
    ):
        ids = []
        for number in range(COUNT):
            with timed(TRANSACTION):
                ask(store, "TransactWriteItems", transaction(f"written {number}"))
            with timed(CREATION):
                answer = _manage(echo, "POST", "/endpoints", document(Mock(f"/written/{number}")), 201)
            ids.append(json.loads(answer)["data"]["id"])
        for id in ids:
            with timed(CHANGE):
                change = {"data": {"type": "endpoints", "id": id, "attributes": {"response": {"body": "changed"}}}}
                _manage(echo, "PATCH", f"/endpoints/{id}", change, 200)
            with timed(DELETION):
                _manage(echo, "DELETE", f"/endpoints/{id}", None, 204)
        for number in range(COUNT):
            for name, process in (("one", echo), ("other", other)):
                with timed(IN_TURN):
                    _manage(process, "POST", "/endpoints", document(Mock(f"/in-turn/{name}/{number}")), 201)
        responses = [{"code": 200, "times": 2 * COUNT}, {"code": 410}]
        turns = {"verb": "GET", "path": "/turns", "responses": responses}
        _manage(echo, "POST", "/endpoints", {"data": {"type": "endpoints", "attributes": turns}}, 201)
        for _ in range(COUNT):
            with timed(UPDATE):
                ask(store, "UpdateItem", update("written"))
            with timed(TURN):
                _manage(echo, "GET", "/turns", None, 200)
    return [Written(what, each) for what, each in seconds.items()]


def _manage(echo: http.client.HTTPConnection, verb: str, path: str, sent: dict[str, Any] | None, wanted: int) -> str:
    body = None if sent is None else json.dumps(sent)
    echo.request(verb, path, body, {"Content-Type": "application/vnd.api+json"} if body else {})
    answer = echo.getresponse()
    text = answer.read().decode(errors="replace")
    if answer.status != wanted:
        raise Unable(f"responded to {verb} {path} with {answer.status}: {text}")
    return text
