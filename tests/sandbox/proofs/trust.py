"""Evaluates trust policies of the pipeline's roles as AWS does, for tokens of GitHub.

An unknown part of a policy is an error: it counts neither as a refusal nor as absent.
"""

import itertools
import re
from collections import namedtuple

from policies import listed, roots

ISSUER = "token.actions.githubusercontent.com"
# The repository of scripts/sandbox, with GitHub's numbers of owner and repository, as in subjects.
REPOSITORY = "echo@1/echo@2"
ENVIRONMENTS = tuple(root for root in roots() if root != "account")
MAIN, OTHER, PULL_REQUEST = "refs/heads/main", "refs/heads/other", "refs/pull/7/merge"

OPERATORS = {
    "StringEquals": lambda value, wanted: value == wanted,
    "StringLike": lambda value, wanted: re.fullmatch(re.escape(wanted).replace(r"\*", ".*").replace(r"\?", "."), value),
}

# The supported claims of conditions, and their issuer.
Token = namedtuple("Token", "iss aud sub ref job_workflow_ref")


def workflow(repository=REPOSITORY, file="deploy.yml", ref=MAIN):
    """The workflow of a job: the running one, or a called one. GitHub adds no numbers here."""
    return f"{re.sub('@[0-9]+', '', repository)}/.github/workflows/{file}@{ref}"


def token(repository=REPOSITORY, ref=MAIN, environment=None, audience="sts.amazonaws.com", issuer=ISSUER, job=None):
    """The token of a job. The subject names the environment, or else the pull request, branch or tag. The job is in deploy.yml of the same ref
    by default."""
    of = f"environment:{environment}" if environment else "pull_request" if ref == PULL_REQUEST else f"ref:{ref}"
    return Token(f"https://{issuer}", audience, f"repo:{repository}:{of}", ref, job or workflow(repository, ref=ref))


# Another workflow, deploy.yml of another branch, and deploy.yml of another repository.
WORKFLOWS = (workflow(file="other.yml"), workflow(ref=OTHER), workflow("echo@1/other@3"))

# The tokens of each role. Any workflow may plan or push.
OWN = {
    "echo-plan": {token(ref=ref, job=job) for ref in (MAIN, PULL_REQUEST) for job in (None, workflow(), *WORKFLOWS)},
    "echo-push": {token(job=job) for job in (None, *WORKFLOWS)},
    **{f"echo-apply-{environment}": {token(environment=environment)} for environment in ENVIRONMENTS},
}
JOBS = [{}, {"ref": PULL_REQUEST}, *({"environment": environment} for environment in (*ENVIRONMENTS, "production"))]
# Variations that make another job.
CHANGES = [
    {},
    # Another repository of the owner; a new one under the old name; the same names by another owner; a fork; and the
    # old form of subjects without numbers.
    *({"repository": repository} for repository in ("echo@1/other@3", "echo@1/echo@3", "echo@9/echo@2", "fork@9/echo@4", "echo/echo")),
    # Each repository may call deploy.yml of main as well.
    *({"ref": ref, "job": job} for ref in (OTHER, "refs/heads/main-two", "refs/tags/main", PULL_REQUEST) for job in (None, workflow())),
    *({"job": job} for job in WORKFLOWS),
    # The audience of a token that is not for AWS.
    {"audience": "https://github.com/echo"},
    # An enterprise may have another issuer.
    {"issuer": f"{ISSUER}/another-enterprise"},
]
TOKENS = {token(**job | change) for job, change in itertools.product(JOBS, CHANGES)}


def misjudged(role, policy, providers):
    """The tokens that a role accepts wrongly or refuses wrongly by this trust policy."""
    return {token for token in TOKENS if takes(policy, token, providers) != (token in OWN[role])}


def takes(policy, token, providers):
    """Whether AWS accepts the token, in an account with these identity providers."""
    return any(fits(statement, token, providers) for statement in policy["Statement"])


def fits(statement, token, providers):
    conditions = [(operator, *pair) for operator, pairs in statement.get("Condition", {}).items() for pair in pairs.items()]
    known = (
        statement.keys() <= {"Sid", "Effect", "Principal", "Action", "Condition"}
        and (statement["Effect"], statement["Action"]) == ("Allow", "sts:AssumeRoleWithWebIdentity")
        and set(statement["Principal"]) == {"Federated"}
        and {operator for operator, *_ in conditions} <= set(OPERATORS)
        and {key for _, key, _ in conditions} <= {f"{ISSUER}:{claim}" for claim in ("aud", "sub", "ref", "job_workflow_ref")}
        # A variable.
        and "${" not in str(statement)
    )
    if not known:
        raise ValueError(f"a statement that is not understood: {statement}")
    issuer = token.iss.removeprefix("https://")
    claims = {f"{issuer}:{claim}": value for claim, value in token._asdict().items()}
    return any(arn in providers and arn.endswith(f":oidc-provider/{issuer}") for arn in listed(statement["Principal"]["Federated"])) and all(
        key in claims and any(OPERATORS[operator](claims[key], value) for value in listed(values)) for operator, key, values in conditions
    )
