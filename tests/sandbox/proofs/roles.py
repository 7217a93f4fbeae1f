"""Checks the roles of pipeline and tasks by the calls in the sandbox, evaluated as on AWS (rights/)."""

import copy
import json
import re
import subprocess

import policies
from aws import REGION

ROOT = policies.ROOT


def role(iam, name):
    """A role as rights/judge.py takes it: its policies by their names, and its boundary."""
    described = iam.get_role(RoleName=name)["Role"]
    bound = described.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    return {
        "arn": described["Arn"],
        "policies": policies.of_role(iam, name),
        "boundary": policies.managed(iam, bound) if bound else None,
    }


def case(aws, state, called=None, questions=()):
    """The case for rights/judge.py: Terraform's calls for the keys of `called`, by the roles in its values; and questions of role, action and resource."""
    called = called or {}
    if (unmarked := state / "calls/unmarked").exists():
        raise AssertionError(f"calls of Terraform without the mark of scripts/sandbox, which no role is held against: {unmarked.read_text()}")
    roles = {name: role(aws.iam, name) for name in sorted({*called.values(), *(name for name, *_ in questions)})}
    account = next(iter(roles.values()))["arn"].split(":")[4]
    return {"account": account, "region": REGION, "roles": roles, "calls": str(state / "calls/terraform"), "for": called, "questions": list(questions)}


def judge(state, given):
    file = state / "rights.json"
    file.write_text(json.dumps(given))
    return json.loads(subprocess.check_output(["echo-python", "-B", ROOT / "tests/sandbox/proofs/rights/judge.py", file], text=True))


def expect_all_allowed(found, least):
    if found["asked"] <= least:
        raise AssertionError(f"only {found['asked']} rights were asked about")
    if found["denied"]:
        raise AssertionError("AWS would refuse this. Add it to the statement that is for it:\n" + "\n".join(found["denied"]))


def expect_known(*states):
    """Every policy in these states fits AWS's reference."""
    *faults, count = subprocess.check_output(["echo-python", "-B", ROOT / "tests/sandbox/proofs/rights/state_policies.py", *states], text=True).splitlines()
    if faults or int(count.split()[0]) < 10:
        raise AssertionError("\n".join([*faults, count]))


def save_used(found, envs, file):
    """Writes the rights of the roles and the used rights, for rights/unused.py. Environments have the same rights, and applying reads what planning reads."""
    own = re.compile(r"^echo-apply-(" + "|".join(envs) + ")-")
    saved = {part: sorted({own.sub("", right) for rights in found[part].values() for right in rights}) for part in ("rights", "used")}
    file.write_text(json.dumps(saved, indent=1))


def expect_used_at_night(file):
    """The long form of the changes uses the rights that kept.json marks with `night`. Reads a file of save_used."""
    unused = subprocess.run(["echo-python", "-B", ROOT / "tests/sandbox/proofs/rights/unused.py", "--night", file], stdout=subprocess.PIPE, text=True, check=False)
    if unused.returncode:
        raise AssertionError(unused.stdout)


def expect_planted_found(state, given, name):
    """Planted faults: the same calls reveal a missing action, a too narrow resource, and a missing action behind another."""
    for sid, action, narrowed in (("MakeNetwork", "ec2:CreateSubnet", None), ("Keys", "secretsmanager:CreateSecret", "keys/none-*"), ("PassRoles", "iam:PassRole", None)):
        planted = copy.deepcopy(given)
        for document in planted["roles"][name]["policies"].values():
            for statement in policies.statements([document]):
                if statement.get("Sid") == sid and narrowed:
                    statement["Resource"] = f"{policies.listed(statement['Resource'])[0].rstrip('*')}{narrowed}"
                elif statement.get("Sid") == sid:
                    statement["Action"] = [one for one in policies.listed(statement["Action"]) if one != action] or ["none:None"]
        if not any(f"may not {action} on" in line for line in judge(state, planted)["denied"]):
            raise AssertionError(f"{name} without {action} {narrowed or ''} is not told from the role as it is")
