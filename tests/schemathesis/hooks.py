"""Rules of Echo that an OpenAPI document cannot express, for Schemathesis.

Schemathesis expects Echo to accept each request that fits the document, but OpenAPI 3.0 cannot express a few rules. So
the hook changes such requests to keep the rules. Requests with intended errors stay unchanged. The tests of the service
cover each of these rules.
"""

import re
import unicodedata
from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, HookContext, Response

# RFC 9110, section 15: responses without content.
CODES_WITHOUT_BODY = (204, 205, 304)
CONTENTS = ("body", "json", "base64")
NO_TOKEN = re.compile(r"[^!#$%&'*+.^_`|~0-9A-Za-z-]")


# The paths without parameters. Schemathesis cannot generate texts of a maximum length for the pattern with parameters.
PLAIN_PATH = r"^(?!.*/(\.|%2[eE]){1,2}(/|$))/([A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*$"


@schemathesis.hook
def before_load_schema(context: HookContext, raw_schema: dict[str, Any]) -> None:
    for name in ("NewAttributes", "AttributeChanges"):
        raw_schema["components"]["schemas"][name]["properties"]["path"]["pattern"] = PLAIN_PATH
    # A name cannot stand for a type or null, but null means absent here too.
    for name in ("When", "Response", "ResponseChanges", "Then"):
        raw_schema["components"]["schemas"][name]["nullable"] = True


@schemathesis.hook
def before_call(context: HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if case.method == "DELETE" and case.path == "/endpoints":
        # Either filters or `deleteAll`.
        case.query = {"deleteAll": "true"}
    if isinstance(case.body, list):
        for attributes in case.body:
            attributes.pop("set", None)
            keep_rules_of_attributes(attributes, is_new=True)
    if not isinstance(case.body, dict):
        return
    if "target" in case.body:
        # Not a path of management.
        case.body["target"] = "/t" + case.body["target"]
        keep_rules_of_fields(case.body)
        return
    # Plain JSON has no envelope.
    attributes = case.body["data"].get("attributes", {}) if "data" in case.body else case.body
    keep_rules_of_attributes(attributes, is_new=case.method == "POST")


def keep_rules_of_attributes(attributes: dict[str, Any], is_new: bool) -> None:
    keep_rules_of_tests(attributes.get("when") or {})
    keep_rules_of_turns(attributes)
    if is_new and "responses" not in attributes:
        attributes.setdefault("response", {"code": 200})
    for response in [attributes.get("response") or {}, *attributes.get("responses", [])]:
        keep_rules_of_response(response)


def keep_rules_of_turns(attributes: dict[str, Any]) -> None:
    """A mock has `response` or `responses`, and `then` stands beside `responses` only."""
    if attributes.get("response") is None and "response" in attributes:
        del attributes["response"]
    if attributes.get("responses") is None and "responses" in attributes:
        del attributes["responses"]
        attributes.setdefault("response", {"code": 200})
    if "response" in attributes:
        attributes.pop("responses", None)
    if "responses" not in attributes:
        attributes.pop("then", None)


def keep_rules_of_response(response: dict[str, Any]) -> None:
    """A response has one content, and none with some codes and faults. Base64 is valid, and so are times and templates."""
    contents = [name for name in CONTENTS if response.get(name) is not None]
    for name in contents[1:]:
        del response[name]
    # To Schemathesis, a broken connection would be a fault of Echo.
    response.pop("fault", None)
    if response.get("base64") is not None:
        response["base64"] = "AA=="
    if response.get("delay") is not None:
        response["delay"] = "5ms"
    response.pop("template", None)
    # A PATCH is merged into the mock: so send null, which clears a content, and a code for a new response.
    if response.get("code") in CODES_WITHOUT_BODY:
        response.update(dict.fromkeys(CONTENTS))
    elif response:
        response.setdefault("code", 200)
    keep_rules_of_fields(response)


def keep_rules_of_fields(message: dict[str, Any]) -> None:
    """Names of header fields are tokens and unique without regard to case."""
    if message.get("headers"):
        fields = [(field_name(name), field_values(value)) for name, value in message["headers"].items()]
        message["headers"] = dict({name.lower(): (name, value) for name, value in fields}.values())


def keep_rules_of_tests(when: dict[str, Any]) -> None:
    """Parameters are those of the path, names of headers are tokens, expressions and queries are valid, and tests are few."""
    when.pop("params", None)
    if isinstance(when.get("body"), list):
        when["body"] = when["body"][:8]
    if when.get("headers"):
        when["headers"] = {field_name(name).lower(): test for name, test in when["headers"].items()}
    named = [test for part in when.values() if isinstance(part, dict) for test in part.values()]
    body = when.get("body")
    for test in named + (body if isinstance(body, list) else [body]):
        if isinstance(test, dict) and isinstance(test.get("matches"), str):
            test["matches"] = "^[a-z]+$"
        if isinstance(test, dict) and isinstance(test.get("jsonpath"), str):
            test["jsonpath"] = "$.a"


def field_name(name: str) -> str:
    """A token (RFC 9110, section 5.6.2) that is no framing field of the message."""
    return name if name == "Content-Type" else "X-" + NO_TOKEN.sub("-", name)


def field_values(value: str | list[str]) -> str | list[str]:
    return [field_value(each) for each in value[:8]] if isinstance(value, list) else field_value(value)


def field_value(value: str) -> str:
    """The value without control characters and surrounding white space."""
    return "".join(c for c in value if unicodedata.category(c) != "Cc").strip(" ")


@schemathesis.check
def no_fault_of_echo(context: CheckContext, response: Response, case: Case) -> None:
    """A mock may return a server error by its definition, but Echo itself may not."""
    if response.status_code >= 500 and "application/vnd.api+json" in response.headers.get("content-type", []):
        raise AssertionError(f"Echo itself answered {response.status_code}")
