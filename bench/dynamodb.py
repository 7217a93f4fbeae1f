"""DynamoDB Local: a table for each start of Echo, and the bare transaction for comparison."""

import contextlib
import http.client
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import mocks, tools
from bench.process import Process
from bench.server import Unable, free_port

START_SECONDS = 30
# The JVM interprets code until it has run some hundred times, at many times the CPU cost.
WARM_UP = 600
ENVIRONMENT = {
    "AWS_REGION": "eu-test-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_EC2_METADATA_DISABLED": "true",
}
TABLE = "echo"


def install() -> None:
    tools.run([str(tools.ROOT / "scripts" / "tools"), "dynamodb-local"])


@dataclass(frozen=True)
class DynamoDb:
    port: int

    @property
    def environment(self) -> dict[str, str]:
        return ENVIRONMENT | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}"}


@contextlib.contextmanager
def running(folder: Path) -> Iterator[DynamoDb]:
    """A server in memory, with an empty table like Terraform's."""
    folder.mkdir(exist_ok=True)
    server = DynamoDb(free_port())
    command = [str(tools.cache() / "bin" / "dynamodb-local"), str(server.port)]
    process = Process(command, environment={"DDB_LOCAL_TELEMETRY": "0"}, folder=folder, log=folder / "stderr.log")
    try:
        with contextlib.closing(_connect(process, server.port)) as connection:
            _make_table(connection)
            _warm_up(connection)
        yield server
    finally:
        process.stop()


def _connect(process: Process, port: int) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)
    while True:
        try:
            connection.connect()
            return connection
        except OSError:
            if process.has_ended() or time.perf_counter() - process.started_at > START_SECONDS:
                raise Unable(f"DynamoDB Local does not start: {process.last_words()}") from None
            time.sleep(0.05)


def _make_table(connection: http.client.HTTPConnection) -> None:
    keys = {"PK": "HASH", "SK": "RANGE"}
    ask(connection, "CreateTable", {
        "TableName": TABLE,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in keys],
        "KeySchema": [{"AttributeName": key, "KeyType": role} for key, role in keys.items()],
    })  # fmt: skip
    expiry = {"Enabled": True, "AttributeName": "expires_at"}
    ask(connection, "UpdateTimeToLive", {"TableName": TABLE, "TimeToLiveSpecification": expiry})


def _warm_up(connection: http.client.HTTPConnection) -> None:
    """Sends the requests of Echo."""
    query = {
        "TableName": TABLE,
        "ConsistentRead": True,
        "KeyConditionExpression": "PK = :partition AND SK > :after",
        "ExpressionAttributeValues": {":partition": {"S": "LOG"}, ":after": {"S": "!"}},
    }
    for number in range(WARM_UP):
        ask(connection, "TransactWriteItems", transaction(f"warm-up {number}"))
        ask(connection, "Query", query)
        ask(connection, "UpdateItem", update("warm-up"))


def transaction(name: str) -> dict[str, Any]:
    """Four conditional items, about as large as the items of a creation."""
    record = {"verb": {"S": mocks.VERB}, "path": {"S": mocks.path(0)}, "body": {"S": mocks.BODY}}
    items = [{"PK": {"S": f"BARE {part}"}, "SK": {"S": name}, **record} for part in range(4)]
    return {
        "TransactItems": [
            {"Put": {"TableName": TABLE, "Item": item, "ConditionExpression": "attribute_not_exists(PK)"}}
            for item in items
        ]
    }


def update(name: str) -> dict[str, Any]:
    """A counter with a condition, like the counter of turns."""
    return {
        "TableName": TABLE,
        "Key": {"PK": {"S": "BARE COUNTER"}, "SK": {"S": name}},
        "UpdateExpression": "ADD turn :one",
        "ConditionExpression": "attribute_not_exists(series)",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
        "ReturnValues": "UPDATED_NEW",
    }


def ask(connection: http.client.HTTPConnection, operation: str, question: dict[str, Any]) -> None:
    credential = "test/20260101/eu-test-1/dynamodb/aws4_request"
    headers = {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": f"DynamoDB_20120810.{operation}",
        # DynamoDB Local reads the caller from the header, and checks no signature.
        "Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0",
    }
    connection.request("POST", "/", json.dumps(question), headers)
    answer = connection.getresponse()
    body = answer.read().decode(errors="replace")
    if answer.status != 200:
        raise Unable(f"DynamoDB Local responds to {operation} with {answer.status}: {body}")
