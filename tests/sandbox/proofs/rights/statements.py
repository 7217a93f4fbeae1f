"""Compares a policy with AWS's reference: its actions exist and fit its resources and condition keys."""

import reference

# Additions to the reference, with the reason, by action.
MORE_THAN_THE_REFERENCE = {
    "elasticloadbalancing:setwebacl": "the reference knows no resource, but AWS's refusals name the load balancer (cloudformation-coverage-roadmap#386)",
}


def listed(value):
    """A list, also of a single value without one."""
    return value if isinstance(value, list) else [value]


def faults(document):
    """A sentence for each part that AWS rejects or that has no effect. Accepts trust policies and policies of resources, too."""
    found = []
    for number, statement in enumerate(listed(document["Statement"]), 1):
        name = statement.get("Sid") or f"statement {number}"
        found += [f"{name}: {fault}" for fault in _of_statement(statement)]
    return found


def _of_statement(statement):
    patterns = listed(statement.get("Action", statement.get("NotAction", [])))
    if patterns == ["*"]:
        return []
    found = [f"AWS has no action {pattern}" for pattern in patterns if not reference.actions(pattern)]
    actions = [action for pattern in patterns for action in reference.actions(pattern)]
    # A trust policy names no resource: the resource is the role.
    if "Resource" in statement:
        found += _of_resources(patterns, listed(statement["Resource"]))
    for keys in statement.get("Condition", {}).values():
        for key in keys:
            found += [f"{action} does not know the condition key {key}" for action in actions if not _knows(action, key)]
    return found


def _of_resources(patterns, resources):
    found, used = [], set()
    for pattern in patterns:
        kinds = [kind["form"] for action in reference.actions(pattern) for kind in reference.resource_types(action).values()]
        fitting = {resource for resource in resources if resource == "*" or any(reference.could_be(resource, form) for form in kinds)}
        used |= fitting
        if pattern.lower() in MORE_THAN_THE_REFERENCE or fitting or not reference.actions(pattern):
            continue
        found.append(f"{pattern} is about none of the resources" + ("" if kinds else ": it knows none, so that it needs *"))
    return found + [f"none of the actions is about {resource}" for resource in resources if resource not in used]


def _knows(action, key):
    key = key.lower()
    # Claims of a token are from its issuer, not from the reference (tests/sandbox/proofs/trust.py).
    if key.startswith("token.actions.githubusercontent.com:") or key.partition("/")[0] in reference.GLOBAL:
        return True
    known = reference.condition_keys(action)
    return key in known or key.partition("/")[0] + "/" in known
