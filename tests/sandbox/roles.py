"""The pipeline's roles, held against what Terraform has called: each action has to be one that a policy of the role names.

It is known by that which actions are missing, which else only a first apply on AWS would tell. Not whether resources and conditions
fit, nor what AWS asks for besides the action itself; S3's are not noted (calls.py).
"""

import fnmatch
import json


def called(state, what_for):
    """What Terraform has called for `apply/dev` or the like."""
    calls = dict.fromkeys((state / "calls/terraform").read_text().splitlines())
    return {call.split()[1] for call in calls if call.split()[0] == what_for}


def missing(aws, role, actions):
    """Of these actions, those that the role may not call."""
    iam, documents = aws.iam, []
    for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        version = iam.get_policy(PolicyArn=policy["PolicyArn"])["Policy"]["DefaultVersionId"]
        documents.append(iam.get_policy_version(PolicyArn=policy["PolicyArn"], VersionId=version)["PolicyVersion"]["Document"])
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        documents.append(iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])
    allowed = set()
    for document in documents:
        for statement in (document if isinstance(document, dict) else json.loads(document))["Statement"]:
            if statement["Effect"] == "Allow":
                allowed |= {statement["Action"]} if isinstance(statement["Action"], str) else set(statement["Action"])
    # Whoever has credentials may ask who they are.
    return {action for action in actions if action != "sts:GetCallerIdentity" and not any(fnmatch.fnmatchcase(action, pattern) for pattern in allowed)}
