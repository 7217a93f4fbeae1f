"""Creates mocks in one task of an environment, and calls each at once in another; of every eleven, one is changed there and one deleted,
and called in the first.

Asks the tasks by their own addresses, past the load balancer, so that it is known which one answers. In a sandbox that is up:

    scripts/sandbox exec python3 tests/sandbox/everywhere.py ENV COUNT
"""

import contextlib
import http.client
import itertools
import json
import os
import sys

from aws import Aws
from client import ask


def addresses(aws):
    """Those of the tasks that the load balancer sends requests to."""
    group = aws.elbv2.describe_target_groups()["TargetGroups"][0]["TargetGroupArn"]
    targets = aws.elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    return [target["Target"]["Id"] for target in targets if target["TargetHealth"]["State"] == "healthy"]


def main(env, count):
    aws, name = Aws(os.environ["AWS_ENDPOINT_URL"]), f"echo-{env}"
    key = aws.secretsmanager.get_secret_value(SecretId=f"{name}/keys/admin")["SecretString"]
    tasks = addresses(aws)
    pairs = list(itertools.permutations(tasks, 2))
    if not pairs:
        sys.exit(f"{name} has {len(tasks)} tasks that run, and two are needed")
    with contextlib.ExitStack() as stack:
        connect = lambda port: {task: stack.enter_context(contextlib.closing(http.client.HTTPConnection(task, port, timeout=20))) for task in tasks}
        mocks, management = connect(8080), connect(8081)
        for number in range(count):
            (writer, reader), path, body = pairs[number % len(pairs)], f"/everywhere/{number}", f"mock {number}"
            attributes = {"verb": "GET", "path": path, "response": {"code": 200, "body": body}}
            status, _, text = ask(management[writer], "POST", "/endpoints", {"data": {"type": "endpoints", "attributes": attributes}}, key)
            if status != 201:
                sys.exit(f"{writer} answered {status} to the creation of {path}: {text}")
            if (answer := ask(mocks[reader], "GET", path)[::2]) != (200, body):
                sys.exit(f"{path}, made in {writer}, is {answer} in {reader}")
            # A creation is called for the first time, and so looked up. What is changed or deleted the first task has in its memory.
            # Eleven, because that has no divisor in common with the number of pairs: each task changes, and each deletes.
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
