"""How long Echo takes to acknowledge a write on DynamoDB, beside the bare transaction that the write is."""

import contextlib
import http.client
import json
import time
from collections.abc import Callable
from typing import Any

from bench import mocks
from bench.dynamodb import TABLE, DynamoDb, ask
from bench.measured import Written
from bench.server import Unable

COUNT = 50


def measure(port: int, dynamodb: DynamoDb) -> list[Written]:
    """Creations and bare transactions in turn, so that both see the same DynamoDB Local; then changes and deletions."""
    seconds: dict[str, list[float]] = {what: [] for what in ("transaction", "creation", "change", "deletion")}

    def timed(what: str, write: Callable[[], Any]) -> Any:  # noqa: ANN401
        started_at = time.perf_counter()
        result = write()
        seconds[what].append(time.perf_counter() - started_at)
        return result

    with (
        contextlib.closing(http.client.HTTPConnection("127.0.0.1", port)) as echo,
        contextlib.closing(http.client.HTTPConnection("127.0.0.1", dynamodb.port)) as store,
    ):
        ids = []
        for number in range(2 * COUNT):
            timed("transaction", lambda number=number: ask(store, "TransactWriteItems", _transaction(number)))
            ids.append(timed("creation", lambda number=number: _create(echo, number)))
        for id in ids[:COUNT]:
            change = {"type": "endpoints", "id": id, "attributes": {"response": {"body": "changed"}}}
            timed("change", lambda id=id, change=change: _manage(echo, "PATCH", f"/endpoints/{id}", change, 200))
            timed("deletion", lambda id=id: _manage(echo, "DELETE", f"/endpoints/{id}", None, 204))
    # The first half of what is fast is warming up.
    for what in ("transaction", "creation"):
        del seconds[what][:COUNT]
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


def _transaction(number: int) -> dict[str, Any]:
    """Four items, about as large as those of a creation, and conditional as they are."""
    record = {"verb": {"S": mocks.VERB}, "path": {"S": mocks.path(number)}, "body": {"S": mocks.BODY}}
    items = [{"PK": {"S": f"BARE {part}"}, "SK": {"S": str(number)}, **record} for part in range(4)]
    return {
        "TransactItems": [
            {"Put": {"TableName": TABLE, "Item": item, "ConditionExpression": "attribute_not_exists(PK)"}}
            for item in items
        ]
    }
