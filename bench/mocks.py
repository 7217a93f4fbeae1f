"""The mocks that every server is given, and the requests that are sent to them."""

from pathlib import Path

VERB = "GET"
CODE = 200
CONTENT_TYPE = "application/json"
BODY = '{"message": "Hello, world"}'

# What one mock is by itself, without any server's bookkeeping.
OWN_BYTES = len(VERB) + len("/mocks/0000000") + len("Content-Type") + len(CONTENT_TYPE) + len(BODY)

# How many request strings a run walks over. With one mock they are all the same, so that 1 and 100,000 mocks are asked
# through the very same client code: what differs is only what the server has to find.
REQUESTS = 512

# Indexes from here on belong to no mock. They have as many digits as the others, so a 404 is asked by as many bytes.
MISSING = 5_000_000


def path(index: int) -> str:
    return f"/mocks/{index:07d}"


def paths(count: int) -> list[str]:
    """The paths of `count` mocks."""
    return [path(index) for index in range(count)]


def asked(count: int, *, miss: bool = False) -> list[str]:
    """The paths to ask for: spread evenly over `count` mocks, or (`miss`) over none of them."""
    first = MISSING if miss else 0
    return [path(first + number * count // REQUESTS) for number in range(REQUESTS)]


def counted(count: int) -> str:
    return "1 mock" if count == 1 else f"{count:,} mocks"


def write_asked(file: Path, count: int, *, miss: bool) -> Path:
    file.write_text("".join(f"{path}\n" for path in asked(count, miss=miss)))
    return file
