"""The mocks of every server, and the requests for them."""

from pathlib import Path

VERB = "GET"
CODE = 200
CONTENT_TYPE = "application/json"
BODY = '{"message": "Hello, world"}'

# Size of one mock's data, without a server's bookkeeping.
OWN_BYTES = len(VERB) + len("/mocks/0000000") + len("Content-Type") + len(CONTENT_TYPE) + len(BODY)

# Number of prebuilt requests in a run. With one mock all are equal, so the client code is the same for 1 and for
# 100,000 mocks: only the server's search differs.
REQUESTS = 512

# Indexes from here on belong to no mock. They have the same number of digits, so a request for a 404 has the same
# length.
MISSING = 5_000_000


def path(index: int) -> str:
    return f"/mocks/{index:07d}"


def paths(count: int) -> list[str]:
    """The paths of `count` mocks."""
    return [path(index) for index in range(count)]


def asked(count: int, *, miss: bool = False) -> list[str]:
    """The requested paths: spread evenly over `count` mocks, or with `miss` over paths without a mock."""
    first = MISSING if miss else 0
    return [path(first + number * count // REQUESTS) for number in range(REQUESTS)]


def counted(count: int) -> str:
    return "1 mock" if count == 1 else f"{count:,} mocks"


def write_asked(file: Path, count: int, *, miss: bool) -> Path:
    file.write_text("".join(f"{path}\n" for path in asked(count, miss=miss)))
    return file
