"""The requests of the clients: every refusal and a mock, each with every kind of body."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product

MOCK = "/clients/mock"
JSON_API = "application/vnd.api+json"
LARGE = 10_000_000
# Repetitions of a request with a body of this size. The small and cheap ones find answers that are lost by chance.
REPEATS = {0: 3, 10: 4, 100_000: 10, 1_900_000: 3, LARGE: 1}
# Time between the head of a request and a body of 10 bytes. A server that does not wait for the body answers within it.
PAUSE_MILLISECONDS = 50


@dataclass(frozen=True)
class Target:
    """A request without its body, and the status of its answer."""

    name: str
    method: str
    path: str
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    sizes: tuple[int, ...] = tuple(REPEATS)


@dataclass(frozen=True)
class Case:
    """A request."""

    target: Target
    size: int
    chunked: bool
    expect: bool
    pause: int

    @property
    def body(self) -> str:
        return f"{self.size:,} B{', chunked' * self.chunked}{', Expect' * self.expect}"

    @property
    def name(self) -> str:
        return f"{self.target.name}, {self.body}"

    @property
    def repeat(self) -> int:
        return REPEATS[self.size]

    def row(self, url: str) -> str:
        """A line of a client's table. Tabs instead of JSON, because Java comes without a JSON parser."""
        target = self.target
        headers = "|".join(f"{name}: {value}" for name, value in target.headers.items())
        framing, expect = ("chunked" if self.chunked else "fixed"), ("yes" if self.expect else "no")
        columns = (self.name, target.method, url + target.path, headers, self.size, framing, expect, self.pause)
        return "\t".join(map(str, (*columns, target.status, self.repeat)))


# Each client sends it after every request, on the same connection if that is kept. Clients repeat a GET, but not a
# POST.
NEXT = Case(Target("next", "POST", MOCK, 200), 10, chunked=False, expect=False, pause=0)


def targets(identity: str, write: str, read: str) -> list[Target]:
    """`identity` is the id of an endpoint, `write` and `read` are keys with that scope."""
    document = {"Content-Type": JSON_API}
    writer, reader = ({"Authorization": f"Bearer {key}"} for key in (write, read))
    valid = document | writer
    return [
        Target("401 no key", "POST", "/endpoints", 401, document),
        Target("403 read key", "POST", "/endpoints", 403, document | reader),
        Target("404 unknown id", "PATCH", "/endpoints/unknown", 404, valid),
        Target("404 below /endpoints", "POST", "/endpoints/a/b", 404, valid),
        Target("405 PUT /endpoints", "PUT", "/endpoints", 405, valid),
        Target("405 POST /-/live", "POST", "/-/live", 405),
        Target("406 Accept", "POST", "/endpoints", 406, valid | {"Accept": f'{JSON_API}; ext="x"'}),
        Target("400 bad parameter", "POST", "/endpoints?unknown=1", 400, valid),
        Target("412 If-Match", "PATCH", f"/endpoints/{identity}", 412, valid | {"If-Match": '"none"'}),
        Target("413 too large", "POST", "/endpoints", 413, valid, sizes=(LARGE,)),
        Target("415 text/plain", "POST", "/endpoints", 415, writer | {"Content-Type": "text/plain"}),
        Target("404 no mock", "POST", "/clients/none", 404),
        Target("200 mock", "POST", MOCK, 200),
    ]


def cases(target: Target) -> Iterator[Case]:
    for size, chunked, expect in product(target.sizes, (False, True), (False, True)):
        # A client without a body has no use for `100 Continue`.
        if size or not expect:
            yield Case(target, size, chunked, expect, PAUSE_MILLISECONDS if size == 10 else 0)
