"""Who may become the pipeline's roles: GitHub's tokens, held against trust policies as AWS evaluates them.

What a policy says and is not known here is an error: it is neither taken for a refusal nor for nothing.
"""

import itertools
import re
from collections import namedtuple

from policies import listed

ISSUER = "token.actions.githubusercontent.com"
# What scripts/sandbox gives for the repository, with GitHub's numbers for owner and repository, as its subjects have it.
REPOSITORY = "echo@1/echo@2"
ENVIRONMENTS = ("dev", "staging", "prod")
MAIN, OTHER, PULL_REQUEST = "refs/heads/main", "refs/heads/other", "refs/pull/7/merge"

OPERATORS = {
    "StringEquals": lambda value, wanted: value == wanted,
    "StringLike": lambda value, wanted: re.fullmatch(re.escape(wanted).replace(r"\*", ".*").replace(r"\?", "."), value),
}

# The claims that conditions may ask for here, and who has issued them.
Token = namedtuple("Token", "iss aud sub ref job_workflow_ref")


def workflow(repository=REPOSITORY, file="deploy.yml", ref=MAIN):
    """Where a job is written: in the workflow that runs, or in one that this calls. GitHub gives no numbers here."""
    return f"{re.sub('@[0-9]+', '', repository)}/.github/workflows/{file}@{ref}"


def token(repository=REPOSITORY, ref=MAIN, environment=None, audience="sts.amazonaws.com", issuer=ISSUER, job=None):
    """A job's. The subject names its environment; without one, that it is a pull request's, or its branch or tag. It is one of deploy.yml
    as its own ref has it, unless said otherwise."""
    of = f"environment:{environment}" if environment else "pull_request" if ref == PULL_REQUEST else f"ref:{ref}"
    return Token(f"https://{issuer}", audience, f"repo:{repository}:{of}", ref, job or workflow(repository, ref=ref))


# Another workflow, deploy.yml of another branch, and another repository's, which may be called.
WORKFLOWS = (workflow(file="other.yml"), workflow(ref=OTHER), workflow("echo@1/other@3"))

# Whose each role is. What only plans or pushes may be written in any workflow.
OWN = {
    "echo-plan": {token(ref=ref, job=job) for ref in (MAIN, PULL_REQUEST) for job in (None, workflow(), *WORKFLOWS)},
    "echo-push": {token(job=job) for job in (None, *WORKFLOWS)},
    **{f"echo-apply-{environment}": {token(environment=environment)} for environment in ENVIRONMENTS},
}
JOBS = [{}, {"ref": PULL_REQUEST}, *({"environment": environment} for environment in (*ENVIRONMENTS, "production"))]
# What makes a job another one.
CHANGES = [
    {},
    # Another repository of the owner; one that was made anew under the name; that name of another owner, who has taken the old one's
    # name; a fork; and what has that name and no numbers, because its subjects are of the older form.
    *({"repository": repository} for repository in ("echo@1/other@3", "echo@1/echo@3", "echo@9/echo@2", "fork@9/echo@4", "echo/echo")),
    # Each may call the deploy.yml of main as well.
    *({"ref": ref, "job": job} for ref in (OTHER, "refs/heads/main-two", "refs/tags/main", PULL_REQUEST) for job in (None, workflow())),
    *({"job": job} for job in WORKFLOWS),
    # What a token is for that nobody has asked to be for AWS.
    {"audience": "https://github.com/echo"},
    # An enterprise may have an issuer of its own.
    {"issuer": f"{ISSUER}/another-enterprise"},
]
TOKENS = {token(**job | change) for job, change in itertools.product(JOBS, CHANGES)}


def misjudged(role, policy, providers):
    """The tokens that a role with this trust policy takes and should not, or the other way round."""
    return {token for token in TOKENS if takes(policy, token, providers) != (token in OWN[role])}


def takes(policy, token, providers):
    """Whether AWS lets the token in, in an account that has these identity providers."""
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
