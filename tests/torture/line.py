"""A lean HTTP client for loopback: it must cost less than what it loads, and shows each broken connection.

Keeps connections alive while the other side does. Knows just what our own servers answer.
"""

import asyncio
import json
from typing import Any, Final

__all__ = ["Broken", "Line"]

_FORM: Final = "application/x-www-form-urlencoded"
_JSON: Final = "application/json"

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Broken(Exception):
    """No answer: refused, closed under us, or too late."""


class Line:
    """Any number of requests at a time to one port."""

    def __init__(self, port: int, *, timeout_s: float = 10.0) -> None:
        self.port = port
        self._timeout_s = timeout_s
        self._idle: list[Connection] = []

    async def form(self, path: str, body: bytes) -> tuple[int, bytes]:
        return await self.send("POST", path, body, _FORM)

    async def json(self, method: str, path: str, value: object = None) -> Any:
        """The decoded answer. Raises Broken, and ValueError for anything but a 2xx."""
        body = b"" if value is None else json.dumps(value).encode()
        status, raw = await self.send(method, path, body, _JSON)
        if not 200 <= status < 300:
            raise ValueError(f"{method} {path}: {status} {raw[:200]!r}")
        return json.loads(raw) if raw else None

    async def send(self, method: str, path: str, body: bytes, kind: str) -> tuple[int, bytes]:
        """Status and body. Raises Broken."""
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer: asyncio.StreamWriter | None = None
        try:
            async with asyncio.timeout(self._timeout_s):
                reader, writer = await self._connection()
                writer.write(head.encode() + body)
                answered = await _read(reader)
        except (OSError, EOFError, TimeoutError, ValueError, asyncio.LimitOverrunError) as error:
            if writer is not None:
                writer.transport.abort()
            raise Broken(type(error).__name__) from None
        except BaseException:
            if writer is not None:
                writer.transport.abort()
            raise
        self._idle.append((reader, writer))
        return answered

    def hang_up(self) -> None:
        """Close what is idle."""
        for _, writer in self._idle:
            writer.transport.abort()
        self._idle.clear()

    async def _connection(self) -> Connection:
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof() and reader.exception() is None:
                return reader, writer
            writer.transport.abort()
        return await asyncio.open_connection("127.0.0.1", self.port)


async def _read(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(head[9:12])
    length = 0
    before, found, after = head.partition(b"\r\ncontent-length:")
    if found:
        length = int(after.partition(b"\r\n")[0])
    elif b"\r\ntransfer-encoding: chunked" in before:
        return status, await _read_chunks(reader)
    return status, await reader.readexactly(length)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")
    return body
