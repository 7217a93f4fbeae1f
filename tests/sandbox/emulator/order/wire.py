"""A writing call of AWS's API: its action, its parameters, and the answer that refuses it."""

import json
import re
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

# Secrets, and texts that no rule reads.
LEFT_OUT = re.compile("(?i)secret(string|binary)|tags?|tagspecification|.*token|.*policydocument|containerdefinitions|.*body")


@dataclass
class Call:
    action: str
    given: dict
    # The purpose of Terraform's run, as `apply/dev`; empty for other clients.
    what_for: str = ""
    # Services of ECS with a rollout under way when the call was answered.
    rolling: list = field(default_factory=list)
    protocol: str = "json"
    # The id of the made resource, from the answer.
    made: str = ""
    status: int = 200

    def record(self):
        return {name: value for name, value in vars(self).items() if value and name != "protocol"}

    @property
    def what(self):
        """The action with the identifiers of its resource, for messages."""
        texts = ((name, value) for name, value in self.given.items() if isinstance(value, str))
        identifiers = [value for name, value in texts if re.search("(?i)(id|arn|name|cluster|service)$", name)]
        return " ".join([self.action, *identifiers[:2]])


def call_of(request):
    """The writing call in a request. None for a call that changes nothing, and for a request without a signature."""
    if not request or request.reads:
        return None
    tags = [tag for of_kind in request.given.get("TagSpecification", []) for tag in of_kind.get("Tag", [])]
    names = {"NameTag": tag["Value"] for tag in tags if tag["Key"] == "Name"}
    return Call(request.action, _kept(request.given) | names, request.what_for, protocol=request.protocol)


def _kept(given):
    if isinstance(given, dict):
        return {name: _kept(value) for name, value in given.items() if not LEFT_OUT.fullmatch(name)}
    if isinstance(given, list):
        return [_kept(value) for value in given]
    return given if not isinstance(given, str) or len(given) < 300 else given[:300] + "…"


def found(answer, name):
    """The first value of an element or a member in an answer."""
    value = re.search(rf'[<"]{name}[>"]\s*:?\s*"?([^<"]+)', answer)
    return value[1] if value else ""


def refusal(call, code, message):
    """Status, headers and body of the answer to a call that AWS refuses.

    The prefix `Refused.` before AWS's code ends the apply at once: after some codes, such as DependencyViolation, the provider repeats a
    call for twenty minutes.
    """
    code = f"Refused.{code}"
    if call.protocol == "json":
        return 400, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps({"__type": code, "message": message})
    error = f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
    body = f"<Response><Errors>{error}</Errors></Response>" if call.protocol == "ec2" else f"<ErrorResponse>{error}</ErrorResponse>"
    return 400, {"Content-Type": "text/xml"}, body
