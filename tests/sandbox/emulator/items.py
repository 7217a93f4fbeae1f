"""Keeps the items of tables in DynamoDB Local. MiniStack scans a whole partition for each query, and the log is one partition.

MiniStack keeps the rest of a table. Creations and deletions of tables go to both.
"""

import asyncio
import json
import os
from concurrent.futures import ThreadPoolExecutor

import urllib3
from ministack.services import dynamodb

ITEMS = {f"{kind}Item" for kind in ("Get", "Put", "Update", "Delete", "BatchGet", "BatchWrite")} | {"Query", "Scan"}
ITEMS |= {"TransactGetItems", "TransactWriteItems"}
# The operations and parameters that DynamoDB Local needs.
TABLES = {
    "CreateTable": ("TableName", "AttributeDefinitions", "KeySchema", "BillingMode"),
    "UpdateTimeToLive": ("TableName", "TimeToLiveSpecification"),
    "DeleteTable": ("TableName",),
}
# DynamoDB Local checks only the form of credentials, and separates tables by access key.
AUTHORIZATION = "AWS4-HMAC-SHA256 Credential=sandbox/20120810/{region}/dynamodb/aws4_request, SignedHeaders=host, Signature=0"

# Separate threads: in the shared ones, load balancers wait for tasks, and tasks wait for items.
_threads = ThreadPoolExecutor(16)
# No retry: the request may have taken effect.
_local = urllib3.HTTPConnectionPool("127.0.0.1", int(os.environ["SANDBOX_DYNAMODB_PORT"]), maxsize=16, retries=False)


async def _ask(operation, body):
    headers = {
        "Authorization": AUTHORIZATION.format(region=os.environ["MINISTACK_REGION"]),
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": f"DynamoDB_20120810.{operation}",
    }
    answer = await asyncio.get_running_loop().run_in_executor(_threads, _local.urlopen, "POST", "/", body, headers)
    kept = {name: answer.headers[name] for name in ("Content-Type", "x-amz-crc32", "x-amzn-RequestId") if name in answer.headers}
    return answer.status, kept, answer.data


def apply():
    handle = dynamodb.handle_request

    async def handling(method, path, headers, body, query_params):
        operation = headers.get("x-amz-target", "").partition(".")[2]
        if operation in ITEMS:
            return await _ask(operation, body)
        answer = await handle(method, path, headers, body, query_params)
        if operation in TABLES and answer[0] == 200:
            given = json.loads(body)
            status, _, told = await _ask(operation, json.dumps({name: given[name] for name in TABLES[operation]}))
            if status != 200:
                raise RuntimeError(f"DynamoDB Local answered {status} to {operation}: {told.decode()}")
        return answer

    dynamodb.handle_request = handling
