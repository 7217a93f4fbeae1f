"""What the policies of a role say, as IAM has them."""


def of_role(iam, role):
    """The statements of those that are attached to a role, and of its own."""
    attached = [managed(iam, policy["PolicyArn"]) for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]]
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    own = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"] for name in names]
    return sum(attached + own, [])


def managed(iam, arn):
    """The statements of a policy that roles share, in its version that is in force."""
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    return iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]["Statement"]


def listed(value):
    """A policy may say one thing without a list."""
    return [value] if isinstance(value, str) else value
