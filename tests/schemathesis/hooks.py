"""What Schemathesis needs to know of Echo, and the OpenAPI document cannot say.

Schemathesis holds that a request which fits the document must be accepted, but a few rules are beyond a schema of OpenAPI
3.0. So such requests are made to keep these rules; those that are meant to be refused go out as they are. The tests of the
service cover these rules one by one.
"""

import re
import unicodedata
from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, HookContext, Response

# RFC 9110, section 15: answers that have no content.
CODES_WITHOUT_BODY = (204, 205, 304)
NO_TOKEN = re.compile(r"[^!#$%&'*+.^_`|~0-9A-Za-z-]")


@schemathesis.hook
def before_call(context: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    if case.meta is None or not case.meta.generation.mode.is_positive or not isinstance(case.body, dict):
        return
    response = case.body["data"].get("attributes", {}).get("response", {})
    # A PATCH is merged into what is there: so null, which clears a body, and a code to go with a new one.
    if response.get("code") in CODES_WITHOUT_BODY:
        response["body"] = None
    elif "body" in response:
        response.setdefault("code", 200)
    if response.get("headers"):
        fields = [(field_name(name), field_value(value)) for name, value in response["headers"].items()]
        # Names that differ only in case are one field given twice.
        response["headers"] = dict({name.lower(): (name, value) for name, value in fields}.values())


def field_name(name: str) -> str:
    """A token (RFC 9110, section 5.6.2), which does not name a field that frames the message."""
    return name if name == "Content-Type" else "X-" + NO_TOKEN.sub("-", name)


def field_value(value: str) -> str:
    """Without control characters, and without white space around it."""
    return "".join(c for c in value if unicodedata.category(c) != "Cc").strip(" ")


@schemathesis.check
def no_fault_of_echo(context: CheckContext, response: Response, case: Case) -> None:
    """A server error of a mock is what the mock was told to answer, and not Echo's own."""
    if response.status_code >= 500 and "application/vnd.api+json" in response.headers.get("content-type", []):
        raise AssertionError(f"Echo itself answered {response.status_code}")
