"""Creates mocks over Echo's API with many writers at a time, because the store groups the commits of waiting writers."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

from bench import mocks
from bench.server import Unable

WRITERS = 64


def create(port: int, count: int) -> None:
    asyncio.run(_create(port, count))


async def _create(port: int, count: int) -> None:
    paths = iter(mocks.paths(count))
    await asyncio.gather(*(_write(port, paths) for _ in range(min(WRITERS, count))))


async def _write(port: int, paths: Iterator[str]) -> None:
    """One keep-alive connection, which creates the next mock after each acknowledgement."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for path in paths:
        writer.write(_request(path))
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(_content_length(head))
        if not head.startswith(b"HTTP/1.1 201 "):
            raise Unable(f"refused to create {path}: {body.decode(errors='replace')}")
    writer.close()
    await writer.wait_closed()


def document(path: str) -> dict[str, Any]:
    """The document that creates the mock of a path."""
    return {
        "data": {
            "type": "endpoints",
            "attributes": {
                "verb": mocks.VERB,
                "path": path,
                "response": {
                    "code": mocks.CODE,
                    "headers": {"Content-Type": mocks.CONTENT_TYPE},
                    "body": mocks.BODY,
                },
            },
        }
    }


def _request(path: str) -> bytes:
    body = json.dumps(document(path)).encode()
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
