"""Notes who calls what, because nothing enforces a role here: tests hold the roles against it (seam.py, roles.py).

In the folder `calls` of $SANDBOX_STATE: of tasks each right with its table, as `dynamodb:GetItem echo-dev`; of Terraform each action with what
scripts/sandbox has run it for, as `apply/dev ec2:CreateVpc`.
"""

import json
import os
import re
from pathlib import Path
from urllib.parse import parse_qs

# The parts of a transaction, each of which needs the right of its own operation.
TRANSACTION = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem", "Get": "GetItem"}
# What IAM calls other than the signature does.
PREFIXES = {"monitoring": "cloudwatch"}


def rights_of_task(headers, body):
    target = headers.get("x-amz-target")
    if not target or not target.startswith("DynamoDB_"):
        return {f"something else: {target}"}
    given, operation = json.loads(body), target.partition(".")[2]
    parts = [part for item in given.get("TransactItems", []) for part in item.items()] or [(None, given)]
    return {f"dynamodb:{TRANSACTION.get(kind, operation)} {what['TableName']}" for kind, what in parts}


def actions_of_terraform(headers, path, body):
    """By each protocol that AWS's API has, but for S3's, whose actions have other names than their requests."""
    what_for = re.search(r"sandbox/(\S+)", headers.get("user-agent", ""))
    service = re.search(r"Credential=[^/]+/[^/]+/[^/]+/([^/]+)/", headers.get("authorization", ""))
    if not what_for or not service or service[1] == "s3":
        return set()
    if target := headers.get("x-amz-target"):
        action = target.rpartition(".")[2]
    elif "/operation/" in path:
        action = path.rpartition("/")[2]
    else:
        action = parse_qs(body.decode("latin-1")).get("Action", [f"something else: {path}"])[0]
    return {f"{what_for[1]} {PREFIXES.get(service[1], service[1])}:{action}"}


async def body_of(receive):
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


def note(file, told):
    """Adds to the file what is new of what was told."""
    folder = Path(os.environ["SANDBOX_STATE"]) / "calls"
    folder.mkdir(exist_ok=True)
    with (folder / file).open("a+") as calls:
        calls.seek(0)
        for call in told - set(calls.read().splitlines()):
            print(call, file=calls)
