"""The policies of roles, as IAM has them."""

import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[3]


def roots():
    """The names of all roots: the account, and each environment."""
    return sorted(file.parent.name for file in ROOT.glob("environments/*/main.tf"))


def of_role(iam, role):
    """The documents of a role's attached and inline policies, by name."""
    attached = {policy["PolicyName"]: managed(iam, policy["PolicyArn"]) for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]}
    own = {name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in iam.list_role_policies(RoleName=role)["PolicyNames"]}
    return attached | own


def managed(iam, arn):
    """The document of a managed policy, in its default version."""
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    return iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]


def statements(documents):
    return [statement for document in documents for statement in listed(document["Statement"])]


def listed(value):
    """A list, also of a single value without one."""
    return value if isinstance(value, list) else [value]
