"""Has DynamoDB Local keep the items of tables: for each query, MiniStack looks at every item of a partition, and a log is one partition.

All else about a table is MiniStack's: it is created, described, changed and deleted there, and here too as far as items need it.
"""

import asyncio
import json
import os
from concurrent.futures import ThreadPoolExecutor

import urllib3
from ministack.services import dynamodb

ITEMS = {f"{kind}Item" for kind in ("Get", "Put", "Update", "Delete", "BatchGet", "BatchWrite")} | {"Query", "Scan"}
ITEMS |= {"TransactGetItems", "TransactWriteItems"}
# What DynamoDB Local has to know of a table, by what tells it.
TABLES = {
    "CreateTable": ("TableName", "AttributeDefinitions", "KeySchema", "BillingMode"),
    "UpdateTimeToLive": ("TableName", "TimeToLiveSpecification"),
    "DeleteTable": ("TableName",),
}
# It looks at the form only, and keeps apart what it is told by different keys.
AUTHORIZATION = "AWS4-HMAC-SHA256 Credential=sandbox/20120810/{region}/dynamodb/aws4_request, SignedHeaders=host, Signature=0"

# Threads of its own: in those that all share, load balancers wait for tasks, which wait for this.
_threads = ThreadPoolExecutor(16)
# Not tried again: what was sent may have been done.
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
