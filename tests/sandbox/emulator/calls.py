"""Notes each call of AWS's API in the sandbox. Nothing enforces a role there, so rights/ evaluates the calls by the roles' policies.

In the folder `calls` of $SANDBOX_STATE: `tasks` has each right that a task used with its table, as `dynamodb:GetItem echo-dev`.
`terraform` has Terraform's calls in order, a JSON document a line:
{"for": "apply/dev", "action": "ec2:CreateSubnet", "given": {"VpcId": "vpc-1"}, "made": ["subnet-1"], "status": 200}.
`unmarked`, if present, has actions of Terraform without a mark by scripts/sandbox.
"""

import json
import os
import re
from collections import defaultdict
from pathlib import Path

import cbor2
import wire

# The parts of a transaction. Each needs the right of its own operation.
TRANSACTION = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem", "Get": "GetItem"}
# ARNs, and ids of EC2. The last one of a resource is in the answer that creates it.
MADE = re.compile(r"arn:aws[\w-]*:[^\s\"'<>\\]+|\b(?:eipalloc|eipassoc|fl|igw|nat|rtb|rtbassoc|sg|sgr|subnet|vpc|vpce)-[0-9a-f]{8,}\b")
# Terraform finds the default security group of a VPC by this filter. No call creates the group.
OWN_GROUP = {"Filter.1.Name": "group-name", "Filter.1.Value.1": "default"}

# The lines of each file. Tasks make hundreds of calls a second.
_noted = defaultdict(set)


def rights_of_task(headers, body):
    target = headers.get("x-amz-target")
    if not target or not target.startswith("DynamoDB_"):
        return {f"something else: {target}"}
    given, operation = json.loads(body), target.partition(".")[2]
    parts = [part for item in given.get("TransactItems", []) for part in item.items()] or [(None, given)]
    return {f"dynamodb:{TRANSACTION.get(kind, operation)} {what['TableName']}" for kind, what in parts}


def of_terraform(request):
    """The call of Terraform, or of a script of the pipeline, that scripts/sandbox runs; None for other clients."""
    if not request or not request.what_for:
        return None
    return {"for": request.what_for, "action": request.action, "given": dict(_flat(request.given))}


def _flat(value, name=""):
    """Leaves by their path, as `Tags.1.Key`."""
    if isinstance(value, (dict, list)):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value, 1):
            yield from _flat(part, f"{name}.{key}" if name else str(key))
    elif value is not None and name not in ("SecretString", "SecretBinary"):
        yield name, str(value)


def made_by(call, body):
    """The ids and ARNs that are in the answer alone: of created resources, and of the default security group of a new VPC."""
    if wire.reads(call["action"]) and not OWN_GROUP.items() <= call["given"].items():
        return []
    text = str(cbor2.loads(body)) if body[:1] and body[0] >= 0xA0 else body.decode(errors="replace")
    given = " ".join(call["given"].values())
    return sorted({found for found in MADE.findall(text) if found not in given})


async def body_of(receive):
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


def _file(name):
    folder = Path(os.environ["SANDBOX_STATE"]) / "calls"
    folder.mkdir(exist_ok=True)
    return folder / name


def note(file, told):
    """Adds lines to the file, each once."""
    if new := told - _noted[file]:
        _noted[file] |= new
        with _file(file).open("a") as calls:
            print(*sorted(new), sep="\n", file=calls)


def answered(call, send):
    """Sends an answer on, and notes the call with it."""
    status, parts = 0, []

    async def noting(message):
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            parts.append(message.get("body", b""))
            if not message.get("more_body"):
                with _file("terraform").open("a") as calls:
                    print(json.dumps(call | {"made": made_by(call, b"".join(parts)), "status": status}), file=calls)
        await send(message)

    return noting
