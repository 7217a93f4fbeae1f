"""The mocks of every server, and the requests for them.

A kind has a recipe, which makes the mock of an index. Each server translates a `Mock` into its own form. Requests follow
from the mock alone, so that every server gets the same requests.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlencode

VERB = "GET"
CODE = 200
CONTENT_TYPE = "application/json"
BODY = '{"message": "Hello, world"}'

# Size of one plain mock's data, without a server's bookkeeping.
OWN_BYTES = len(VERB) + len("/mocks/0000000") + len("Content-Type") + len(CONTENT_TYPE) + len(BODY)

# Number of prebuilt requests in a run. With one mock all are equal (apart from parameters of the path), so the client
# code is the same for 1 and for 100,000 mocks: only the server's search differs.
REQUESTS = 512

# Indexes from here on belong to no mock. They have the same number of digits, so a request for a 404 has the same
# length.
MISSING = 5_000_000

PARAMETER = "{id}"
SENT_BYTES = 1024
LARGER_BYTES = 200

# The four values of a template: from the path, the query, a header and the verb.
SHOWN_QUERY = {"lang": "fr"}
SHOWN_HEADERS = {"X-Tenant": "blue"}

DELAY_MS = 50


@dataclass(frozen=True)
class Mock:
    """A mock in terms of all servers. A segment `{id}` of the path is a parameter; all tests are for equality."""

    path: str
    verb: str = VERB
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    customer: int | None = None  # the id of the customer in the request's JSON
    priority: int = 0
    body: str = BODY
    is_template: bool = False  # the body shows four values of the request, instead of `body`
    delay_ms: int = 0

    @property
    def json(self) -> dict[str, dict[str, int]] | None:
        """The JSON that the request's body has to contain."""
        return None if self.customer is None else {"customer": {"id": self.customer}}


@dataclass(frozen=True)
class Request:
    verb: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None


def path(index: int) -> str:
    return f"/mocks/{index:07d}"


def _plain(index: int) -> Mock:
    return Mock(path(index))


def _larger(index: int) -> Mock:
    return Mock(path(index), body=BODY + " " * (LARGER_BYTES - OWN_BYTES))


def _parameter(index: int) -> Mock:
    return Mock(f"{path(index)}/{PARAMETER}")


def _tests(index: int) -> Mock:
    return Mock(path(index), query={"lang": "fr", "page": "2"}, headers={"X-Tenant": "blue"})


def _json_body(index: int) -> Mock:
    return Mock(path(index), "POST", customer=index)


def _candidate(index: int) -> Mock:
    """One of several mocks of one path. The mock with the highest index is tested last."""
    return Mock(path(0), "POST", customer=index, priority=-index)


def _template(index: int) -> Mock:
    return replace(_parameter(index), is_template=True)


def _delay(index: int) -> Mock:
    return Mock(path(index), delay_ms=DELAY_MS)


# Kinds of mocks, by their names in the report. The mocks of a kind take turns over its recipes.
PLAIN = "plain"
LARGER = f"of {LARGER_BYTES} bytes"
PATH_PARAMETER = "path parameter"
THREE_TESTS = "three tests"
JSON_BODY = "JSON body"
CANDIDATES = "candidates"
MIXED = "mixed mocks"
TEMPLATE = "template"
DELAY = "delay"
KINDS: dict[str, tuple[Callable[[int], Mock], ...]] = {
    PLAIN: (_plain,),
    LARGER: (_larger,),
    PATH_PARAMETER: (_parameter,),
    THREE_TESTS: (_tests,),
    JSON_BODY: (_json_body,),
    CANDIDATES: (_candidate,),
    MIXED: (_parameter, _tests, _json_body),
    TEMPLATE: (_template,),
    DELAY: (_delay,),
}


def mock(kind: str, index: int) -> Mock:
    recipes = KINDS[kind]
    return recipes[index % len(recipes)](index)


def every(kind: str, count: int) -> Iterator[Mock]:
    """`count` mocks of a kind."""
    return (mock(kind, index) for index in range(count))


def last(kind: str, count: int) -> list[Mock]:
    """The mocks that are loaded last, one of each recipe."""
    return [mock(kind, index) for index in range(max(0, count - len(KINDS[kind])), count)]


def hit(mock: Mock, number: int = 0) -> Request:
    """A request that fits the mock. The value of a path's parameter is the number."""
    query, headers = mock.query, mock.headers
    if mock.is_template:
        query, headers = query | SHOWN_QUERY, headers | SHOWN_HEADERS
    target = mock.path.replace(PARAMETER, f"{number:07d}") + (f"?{urlencode(query)}" if query else "")
    if mock.customer is None:
        return Request(mock.verb, target, headers)
    return Request(mock.verb, target, headers | {"Content-Type": CONTENT_TYPE}, order(mock.customer))


def body(mock: Mock, number: int = 0) -> str:
    """The body of the response to a hit."""
    if not mock.is_template:
        return mock.body
    return shown(f"{number:07d}", SHOWN_QUERY["lang"], SHOWN_HEADERS["X-Tenant"], mock.verb)


def shown(identifier: str, language: str, tenant: str, verb: str) -> str:
    """The body of a template from four values, or from a server's expressions for the values."""
    return f'{{"id": "{identifier}", "lang": "{language}", "tenant": "{tenant}", "verb": "{verb}"}}'


def misses(mock: Mock) -> list[Request]:
    """Requests that fit no mock. Each differs from a hit in one part, which shows a server that leaves out a test."""
    wrong = [replace(mock, path=f"/missing{mock.path}"), replace(mock, path=f"{mock.path}/more")]
    wrong += [replace(mock, query=mock.query | {name: "other"}) for name in mock.query]
    wrong += [replace(mock, headers=mock.headers | {name: "other"}) for name in mock.headers]
    if mock.customer is not None:
        wrong.append(replace(mock, customer=MISSING))
    return [hit(each) for each in wrong]


def order(customer: int) -> str:
    """A JSON body of 1 KB for any customer."""
    items = [{"sku": f"A-{number:04d}", "quantity": number, "price": 19.9} for number in range(16)]
    document = {"currency": "EUR", "customer": {"id": customer, "name": "Ada"}, "items": items, "note": ""}
    return json.dumps(document | {"note": "x" * (SENT_BYTES - len(json.dumps(document)))})


def asked(kind: str, count: int, *, miss: bool = False) -> list[Request]:
    """The requests: spread evenly over `count` mocks, or with `miss` over paths without a mock."""
    first = MISSING if miss else 0
    return [hit(mock(kind, first + _index(kind, count, number)), number) for number in range(REQUESTS)]


def _index(kind: str, count: int, number: int) -> int:
    """The index of a request's mock. Each recipe has the same share of the requests at any number of mocks."""
    if kind == CANDIDATES:
        return count - 1  # the worst call
    recipes = len(KINDS[kind])
    index = number * count // REQUESTS
    index += number % recipes - index % recipes
    return index if index < count else index - recipes


def named(kind: str, count: int) -> str:
    """The mocks of a case, as the report names them."""
    if kind == PLAIN:
        return counted(count)
    if kind == LARGER:
        return f"{counted(count)} {kind}"
    return kind if count == 1 else f"{count:,} {kind}"


def counted(count: int) -> str:
    return "1 mock" if count == 1 else f"{count:,} mocks"


def write_asked(file: Path, kind: str, count: int, *, miss: bool) -> Path:
    """Writes the requests as a table of Lua, whose strings in ASCII are written like JSON's."""
    file.write_text("return {\n" + "".join(f"{_lua(request)},\n" for request in asked(kind, count, miss=miss)) + "}\n")
    return file


def _lua(request: Request) -> str:
    headers = ", ".join(f"[{json.dumps(name)}] = {json.dumps(value)}" for name, value in request.headers.items())
    body = "nil" if request.body is None else json.dumps(request.body)
    return (
        f"{{verb = {json.dumps(request.verb)}, target = {json.dumps(request.target)}, "
        f"headers = {{{headers}}}, body = {body}}}"
    )
