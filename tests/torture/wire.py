"""The load generator: requests as prebuilt bytes over a few connections, many in flight on each.

An HTTP client library costs more than the server it calls; here a request is bytes, and of an answer
only its status, head and body are told apart.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final, NamedTuple

__all__ = ["Answer", "Lanes", "Shot", "build_request"]

_MOST_HEAD: Final = 64 * 1024


class Shot(NamedTuple):
    """A request. `tag` is the sender's own word for it; `bodiless` where an answer has none (HEAD)."""

    data: bytes
    tag: str = ""
    bodiless: bool = False


class Answer(NamedTuple):
    """`status` 0: the connection was closed without one; -1: neither answered nor closed in time.

    `head` is without its Date, so that two answers can be compared. `took_s` counts from the writing of
    the whole volley, so it is the longest that this answer can have taken.
    """

    status: int
    head: bytes = b""
    body: bytes = b""
    took_s: float = 0.0


_CLOSED: Final = Answer(0)
_HUNG: Final = Answer(-1)


def build_request(method: str, path: str, headers: tuple[str, ...] = (), body: bytes = b"") -> bytes:
    """A request as a well-behaved client writes it."""
    lines = [f"{method} {path} HTTP/1.1", "Host: pay.example", *headers, f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Lanes:
    """Connections to one port that take their shots from one source until it is empty.

    `depth` shots are written at once on a connection; `took(shot, answer)` hears of each once. Where the
    server closes after an answer, what was written behind it is sent again on a new connection. With
    `alone` each shot has a connection of its own: what it leaves behind spoils no other.
    """

    def __init__(
        self,
        port: int,
        took: Callable[[Shot, Answer], None],
        *,
        depth: int = 16,
        patience_s: float = 5.0,
        alone: bool = False,
    ) -> None:
        self._port = port
        self._took = took
        self._depth = 1 if alone else depth
        self._patience_s = patience_s
        self._alone = alone
        self.sent = 0

    async def run(self, shots: Iterator[Shot], lanes: int) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(lanes):
                group.create_task(self._lane(shots))

    async def burst(self, shots: list[Shot], at_once: int) -> None:
        """All shots on each of `at_once` connections at the same time."""
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(self._lane(iter(shots)))

    async def _lane(self, shots: Iterator[Shot]) -> None:
        reader: asyncio.StreamReader | None = None
        writer: asyncio.StreamWriter | None = None
        waiting: list[Shot] = []
        try:
            while True:
                while len(waiting) < self._depth and (shot := next(shots, None)) is not None:
                    waiting.append(shot)
                if not waiting:
                    return
                if writer is None or reader is None:
                    reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=_MOST_HEAD)
                waiting, goes_on = await self._volley(reader, writer, waiting)
                if self._alone or not goes_on:
                    writer.transport.abort()
                    reader = writer = None
        finally:
            if writer is not None:
                writer.transport.abort()

    async def _volley(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, shots: list[Shot]
    ) -> tuple[list[Shot], bool]:
        """Those to be sent again, and whether this connection can go on."""
        self.sent += len(shots)
        started = time.monotonic()
        # What is not read yet by a server that answers and closes is none of our business.
        with suppress(ConnectionError):
            writer.write(b"".join([shot.data for shot in shots]))
        for number, shot in enumerate(shots):
            try:
                async with asyncio.timeout(self._patience_s):
                    answer = await _read(reader, shot.bodiless)
            except TimeoutError:
                self._took(shot, _HUNG)
                return shots[number + 1 :], False
            except (ConnectionError, asyncio.IncompleteReadError):
                if number == 0:
                    self._took(shot, _CLOSED)
                self.sent -= len(shots) - max(number, 1)
                return shots[max(number, 1) :], False
            self._took(shot, answer._replace(took_s=time.monotonic() - started))
            if b"\r\nconnection: close" in answer.head or answer.head.startswith(b"http/1.0"):
                self.sent -= len(shots) - number - 1
                return shots[number + 1 :], False
        return [], True


async def _read(reader: asyncio.StreamReader, bodiless: bool) -> Answer:
    while True:
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        if status >= 200:
            break
    plain = head.lower()
    dated = plain.find(b"\r\ndate: ")
    if dated >= 0:
        plain = plain[:dated] + plain[plain.index(b"\r\n", dated + 2) :]
    length = _length(plain)
    if bodiless or status in (204, 304):
        body = b""
    elif length is not None:
        body = await reader.readexactly(length)
    elif b"\r\ntransfer-encoding: chunked" in plain:
        body = await _read_chunks(reader)
    else:
        body = await reader.read()
        plain = plain[:-2] + b"connection: close\r\n\r\n"
    return Answer(status, plain, body)


def _length(plain: bytes) -> int | None:
    at = plain.find(b"\r\ncontent-length: ")
    return None if at < 0 else int(plain[at + 18 : plain.index(b"\r\n", at + 2)])


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readuntil(b"\r\n")
    return body
