"""Bytes in, values out, and back: a guarded reader of bodies and the shapes of answers.

Nothing a caller sends may become a 500 of ours: what cannot be read raises `BadBody`.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

BODY_LIMIT = 64 * 1024
_READ_S = 30.0
_DEEPEST = 32
_DECODE = msgspec.json.Decoder(float_hook=Decimal)
_ENCODE = msgspec.json.Encoder(decimal_format="number")


class BadBody(Exception):
    """The body cannot be taken; `status` is the HTTP answer that fits."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(slots=True)
class Answer:
    """What goes back to the caller."""

    status: int
    body: bytes = b""
    content_type: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


def answer_json(status: int, value: object, headers: Mapping[str, str] | None = None) -> Answer:
    """A JSON answer whose Content-Type is exactly `application/json`: one client compares it whole.

    `Decimal` is written as a JSON number. Source: simulator checklist of the MoMo reference.
    """
    return Answer(status, _ENCODE.encode(value), "application/json", dict(headers or {}))


def encode_json(value: object) -> bytes:
    """Compact JSON with `Decimal` as numbers."""
    return _ENCODE.encode(value)


async def read_body(request: web.Request) -> bytes:
    """The whole body. BadBody 413 above 64 KiB, 408 if it does not come, 400 if it is broken."""
    try:
        async with asyncio.timeout(_READ_S):
            return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise BadBody(413, "The body is larger than 64 KiB.") from None
    except TimeoutError:
        raise BadBody(408, "The body did not arrive in time.") from None
    except (web.HTTPException, HttpProcessingError, web.RequestPayloadError, ValueError):
        raise BadBody(400, "The body cannot be read.") from None


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`; numbers with a point become `Decimal`. BadBody 400 otherwise."""
    try:
        value = _DECODE.decode(body)
    except (msgspec.DecodeError, RecursionError, ValueError, ArithmeticError):
        raise BadBody(400, "The body is not valid JSON.") from None
    if not isinstance(value, dict):
        raise BadBody(400, "The body must be a JSON object.")
    if _too_deep(value):
        raise BadBody(400, "The body is nested too deeply.")
    return value


def parse_form(body: bytes) -> dict[str, str]:
    """The fields of a form-encoded body, first value of each. BadBody 400 if it is not one."""
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError:  # UnicodeDecodeError is one
        raise BadBody(400, "The body is not a valid form.") from None
    fields: dict[str, str] = {}
    for name, value in pairs:
        fields.setdefault(name, value)
    return fields


def _too_deep(value: object) -> bool:
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True
