"""Creates mocks in one task of an environment, and calls each at once in another task. Of every eleven mocks the other task changes one and
deletes one, and the first task is called.

The requests go to the tasks' own addresses, past the load balancer, so the answering task is known. In a running sandbox:

    scripts/sandbox exec python3 tests/sandbox/proofs/read_your_writes.py ENV COUNT
"""

import contextlib
import http.client
import itertools
import json
import os
import sys
from pathlib import Path

# Clients of the emulated AWS.
sys.path.append(str(Path(__file__).resolve().parents[1] / "emulator"))

from aws import Aws
from client import ask
from strict import EMULATOR_GROUP


def addresses(aws):
    """The addresses of the tasks behind the load balancer."""
    group = aws.elbv2.describe_target_groups()["TargetGroups"][0]["TargetGroupArn"]
    targets = aws.elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    return [target["Target"]["Id"] for target in targets if target["TargetHealth"]["State"] == "healthy"]


def main(env, count):
    aws, name = Aws(os.environ["AWS_ENDPOINT_URL"]), f"echo-{env}"
    key = aws.secretsmanager.get_secret_value(SecretId=f"{name}/keys/admin")["SecretString"]
    # Of all processes in the sandbox, security groups let the load balancer alone reach tasks.
    os.setegid(EMULATOR_GROUP)
    tasks = addresses(aws)
    pairs = list(itertools.permutations(tasks, 2))
    if not pairs:
        sys.exit(f"{name} has {len(tasks)} tasks that run, and two are needed")
    with contextlib.ExitStack() as stack:
        connect = lambda port: {task: stack.enter_context(contextlib.closing(http.client.HTTPConnection(task, port, timeout=20))) for task in tasks}
        mocks, management = connect(8080), connect(8081)
        for number in range(count):
            (writer, reader), path, body = pairs[number % len(pairs)], f"/read-back/{number}", f"mock {number}"
            attributes = {"verb": "GET", "path": path, "response": {"code": 200, "body": body}}
            status, _, text = ask(management[writer], "POST", "/endpoints", {"data": {"type": "endpoints", "attributes": attributes}}, key)
            if status != 201:
                sys.exit(f"{writer} answered {status} to the creation of {path}: {text}")
            if (answer := ask(mocks[reader], "GET", path)[::2]) != (200, body):
                sys.exit(f"{path}, made in {writer}, is {answer} in {reader}")
            # The call after a creation is a miss. A changed or deleted mock is in the first task's memory.
            # Eleven shares no divisor with the number of pairs, so each task changes and deletes.
            endpoint = json.loads(text)["data"]["id"]
            if number % 11 == 0:
                change = {"data": {"type": "endpoints", "id": endpoint, "attributes": {"response": {"body": "changed"}}}}
                status, _, text = ask(management[reader], "PATCH", f"/endpoints/{endpoint}", change, key)
                if (status, answer := ask(mocks[writer], "GET", path)[::2]) != (200, (200, "changed")):
                    sys.exit(f"{path}, changed in {reader} ({status}: {text}), is {answer} in {writer}")
            if number % 11 == 5:
                status, _, text = ask(management[reader], "DELETE", f"/endpoints/{endpoint}", key=key)
                if (status, (answer := ask(mocks[writer], "GET", path)[::2])[0]) != (204, 404):
                    sys.exit(f"{path}, deleted in {reader} ({status}: {text}), is {answer} in {writer}")
            if number % 1000 == 999:
                print(f"{number + 1} of {count}", file=sys.stderr, flush=True)
    print(f"{count} mocks were called in another task at once, and two of eleven changed or deleted there and called in the first: each as it had to be")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
