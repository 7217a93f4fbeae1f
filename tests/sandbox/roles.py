"""The pipeline's roles, held against what Terraform has called: each action has to be one that a policy of the role names.

It is known by that which actions are missing, which else only a first apply on AWS would tell. Not whether resources and conditions
fit, nor what AWS asks for besides the action itself; S3's are not noted (calls.py).
"""

import fnmatch

import policies


def called(state, what_for):
    """What Terraform has called for `apply/dev` or the like."""
    calls = dict.fromkeys((state / "calls/terraform").read_text().splitlines())
    return {call.split()[1] for call in calls if call.split()[0] == what_for}


def missing(aws, role, actions):
    """Of these actions, those that the role may not call."""
    statements = policies.of_role(aws.iam, role)
    allowed = {action for statement in statements if statement["Effect"] == "Allow" for action in policies.listed(statement["Action"])}
    # Whoever has credentials may ask who they are.
    return {action for action in actions if action != "sts:GetCallerIdentity" and not any(fnmatch.fnmatchcase(action, pattern) for pattern in allowed)}
