"""Creates mocks over Echo's API with many writers at a time, because the store groups the commits of waiting writers."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

from bench import mocks
from bench.mocks import Mock
from bench.server import Unable

WRITERS = 64

TEMPLATE = mocks.shown(
    "{{ request.params.id }}",
    "{{ request.query.lang }}",
    "{{ request.headers['x-tenant'] }}",
    "{{ request.verb }}",
)


def create(port: int, kind: str, count: int) -> None:
    asyncio.run(_create(port, kind, count))


async def _create(port: int, kind: str, count: int) -> None:
    made = mocks.every(kind, count)
    await asyncio.gather(*(_write(port, made) for _ in range(min(WRITERS, count))))


async def _write(port: int, made: Iterator[Mock]) -> None:
    """One keep-alive connection, which creates the next mock after each acknowledgement."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for mock in made:
        writer.write(_request(mock))
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(_content_length(head))
        if not head.startswith(b"HTTP/1.1 201 "):
            raise Unable(f"refused to create {mock.path}: {body.decode(errors='replace')}")
    writer.close()
    await writer.wait_closed()


def document(mock: Mock) -> dict[str, Any]:
    """The document that creates a mock."""
    response = {"code": mocks.CODE, "headers": {"Content-Type": mocks.CONTENT_TYPE}, "body": mock.body}
    if mock.is_template:
        response |= {"template": True, "body": TEMPLATE}
    if mock.delay_ms:
        response["delay"] = f"{mock.delay_ms}ms"
    attributes: dict[str, Any] = {"verb": mock.verb, "path": mock.path, "response": response}
    when = {"query": mock.query, "headers": mock.headers, "body": {"json": mock.json} if mock.json else {}}
    if any(when.values()):
        attributes["when"] = {part: tests for part, tests in when.items() if tests}
    if mock.priority:
        attributes["priority"] = mock.priority
    return {"data": {"type": "endpoints", "attributes": attributes}}


def _request(mock: Mock) -> bytes:
    body = json.dumps(document(mock)).encode()
    head = (
        "POST /endpoints HTTP/1.1\r\n"
        "Host: 127.0.0.1\r\n"
        "Content-Type: application/vnd.api+json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise Unable("responded to a POST without Content-Length")
