"""Reads and parses request bodies. Nothing sent to us becomes a 500.

aiohttp's own form reader turns invalid UTF-8 into a 500 and waits for ever: it is not used.
"""

import asyncio
from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import parse_qsl

import aiohttp
import msgspec
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

__all__ = ["BadBody", "lower_headers", "parse_form", "parse_json", "parse_query", "read_body"]

T = TypeVar("T")

_MAX_FIELDS = 100
# RuntimeError is aiohttp's word for a connection that closed before its body was asked for.
_BROKEN = (
    HttpProcessingError,
    web.RequestPayloadError,
    aiohttp.ClientError,
    OSError,
    EOFError,
    RuntimeError,
)


class BadBody(Exception):
    """A body that is not taken. `status` is the answer's, `message` a sentence for its sender."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


async def read_body(request: web.Request, *, limit: int, deadline_s: float) -> bytes:
    """The whole body, however it was framed or compressed.

    BadBody 413 past `limit` bytes (the rest is not kept), 408 where it is not whole after
    `deadline_s`, 400 where it is broken.
    """
    if (request.content_length or 0) > limit:
        raise BadBody(413, f"The body is larger than {limit} bytes.")
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(deadline_s):
            while chunk := await request.content.readany():
                size += len(chunk)
                if size > limit:
                    raise BadBody(413, f"The body is larger than {limit} bytes.")
                chunks.append(chunk)
    except TimeoutError:
        raise BadBody(408, "The body did not arrive in time.") from None
    except _BROKEN:
        raise BadBody(400, "The body cannot be read.") from None
    return b"".join(chunks)


def parse_json(raw: bytes, shape: type[T]) -> T:
    """The body as `shape`. BadBody 400 where it is not JSON or does not fit."""
    try:
        return msgspec.json.decode(raw, type=shape)
    except msgspec.ValidationError as error:
        raise BadBody(400, f"The body does not fit: {error}.") from None
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise BadBody(400, "The body is not valid JSON.") from None


def parse_form(raw: bytes) -> dict[str, str]:
    """The fields of a form, the first value of each. BadBody 400 where it is not one in UTF-8."""
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise BadBody(400, "The body is not a valid form.") from None
    return dict(reversed(pairs))


def parse_query(raw: str) -> tuple[tuple[str, str], ...]:
    """The pairs of a query string; bytes that are no UTF-8 become U+FFFD. BadBody 400 past 100 pairs."""
    try:
        return tuple(parse_qsl(raw, keep_blank_values=True, errors="replace", max_num_fields=_MAX_FIELDS))
    except ValueError:
        raise BadBody(400, "The query has too many fields.") from None


def lower_headers(request: web.Request) -> Mapping[str, str]:
    """The headers under lower-case names; a repeated one is joined with commas."""
    joined: dict[str, str] = {}
    for name, value in request.headers.items():
        key = name.lower()
        joined[key] = f"{joined[key]}, {value}" if key in joined else value
    return joined
