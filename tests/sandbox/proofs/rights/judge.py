"""Usage: judge.py CASE.json

Evaluates the calls of the sandbox by the policies and the boundary of the calling role on AWS, and prints a JSON document:
{"asked": 812, "denied": ["echo-apply-dev may not ec2:CreateVpc on arn:…: no statement allows it"], "rights": {ROLE: [RIGHT]}, "used": {ROLE: [RIGHT]}}.
A right is `POLICY/SID ACTION`, with the action as in the policy.

CASE.json: {"account", "region", "roles": {ROLE: {"arn", "policies": {NAME: DOCUMENT}, "boundary": DOCUMENT or null}}, "calls": FILE,
"for": {"apply/dev": ROLE}, "questions": [[ROLE, ACTION, RESOURCE]]}. tests/sandbox/emulator/calls.py records the calls.
"""

import json
import subprocess
import sys
from pathlib import Path

import questions
from statements import listed


def judge(case, calls):
    asked = [(role, question) for what_for, role in case["for"].items() for question in questions.of_calls(calls, what_for, case["account"], case["region"])]
    asked += [(role, questions.Question(action, resource)) for role, action, resource in case["questions"]]
    answers = _decide(case["roles"], [question.for_role(role) for role, question in asked])
    used = {role: set() for role in case["roles"]}
    for (role, _), answer in zip(asked, answers, strict=True):
        used[role] |= {f"{by['policy']}/{by['sid']} {action}" for by in answer["by"] for action in by["actions"]}
    return {
        "asked": len(asked),
        "denied": [f"{role} may not {question}: {answer['why']}" for (role, question), answer in zip(asked, answers, strict=True) if not answer["allowed"]],
        "rights": {role: sorted(_rights(of["policies"])) for role, of in case["roles"].items()},
        "used": {role: sorted(rights) for role, rights in used.items()},
    }


def _rights(policies):
    return {
        f"{name}/{statement.get('Sid', number)} {action}"
        for name, document in policies.items()
        for number, statement in enumerate(listed(document["Statement"]), 1)
        if statement["Effect"] == "Allow"
        for action in listed(statement["Action"])
    }


def _decide(roles, asked):
    done = subprocess.run("echo-evaluate", input=json.dumps({"roles": roles, "questions": asked}), stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def read_calls(file):
    return [json.loads(line) for line in Path(file).read_text().splitlines()]


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] in ("-h", "--help"):
        sys.exit(__doc__)
    given = json.loads(Path(sys.argv[1]).read_text())
    print(json.dumps(judge(given, read_calls(given["calls"])), indent=1))
