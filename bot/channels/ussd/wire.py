"""Reading what a gateway sent, whatever it sent: never raises anything but `Unreadable`.

Shared by the adapters. Turns bytes into fields and fields into an id, a number, a text; says what is
wrong in a sentence that holds nothing of what was sent.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl

import msgspec

from bot.channels.ussd.base import Rejected, WireReply, WireRequest
from bot.dialog import Address, Input, Nothing, Typed
from bot.money import Msisdn, parse_msisdn

__all__ = [
    "MOST_ID",
    "MOST_TEXT",
    "Fields",
    "Unreadable",
    "address_of",
    "input_of",
    "read_form",
    "read_id",
    "read_json",
    "read_msisdn",
    "read_query",
    "read_text",
    "read_word",
    "reject",
    "reject_method",
]

Fields: TypeAlias = Mapping[str, Any]

# Longer than any gateway's id and any session's typing; what is beyond is not a gateway speaking.
MOST_ID: Final = 128
MOST_TEXT: Final = 2000
_MOST_FIELDS: Final = 64
_MOST_NUMBER: Final = 40
_MOST_WORD: Final = 64

# One for one or for nothing, so that a text which grows by a suffix still does after cleaning.
_CONTROLS: Final = dict.fromkeys((*range(32), *range(127, 160))) | dict.fromkeys(b"\t\n\r", " ")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_WHOLE: Final = re.compile(r"-?\d+", re.ASCII)
_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LOST_PLUS: Final = re.compile(r" +(?=[1-9])")


class _NotWhole(msgspec.Struct, frozen=True):
    """A JSON number with a fraction or an exponent: an amount perhaps, never a name of anything."""

    written: str


class Unreadable(Exception):
    """The request cannot be understood; the message says why and quotes nothing of it."""


def read_form(content: bytes) -> Fields:
    """The fields of a form body. What is not UTF-8 becomes U+FFFD."""
    try:
        pairs = parse_qsl(
            content.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS
        )
    except ValueError as error:
        raise Unreadable("the form has too many fields") from error
    return read_query(pairs)


def read_query(pairs: Iterable[tuple[str, str]]) -> Fields:
    """Fields by name. A field given twice with different values is refused: whose would it be?"""
    fields: dict[str, str] = {}
    for name, value in pairs:
        if fields.setdefault(name, value) != value:
            raise Unreadable("a field stands there more than once")
    return fields


def read_json(content: bytes) -> Fields:
    """The fields of a JSON object, also under names that begin with a small letter.

    A number is read as it is written: an id of twenty digits keeps them all.
    """
    text = content.decode("utf-8-sig", "replace")
    try:
        found = {name: _read_value(value) for name, value in _OBJECT.decode(text).items()}
    except msgspec.ValidationError as error:
        raise Unreadable("the body is not a JSON object") from error
    except (ValueError, RecursionError) as error:
        raise Unreadable("the body is not JSON") from error
    return {name[:1].upper() + name[1:]: value for name, value in found.items()} | found


def _read_value(raw: msgspec.Raw) -> Any:
    written = bytes(raw).decode()
    if written[0] not in "-0123456789":
        return msgspec.json.decode(written)
    return written if _WHOLE.fullmatch(written) else _NotWhole(written)


def read_id(fields: Fields, name: str) -> str:
    """An id, exactly as it came, as text or as a whole number of any length. Raises Unreadable where it is
    missing, too long or neither."""
    value = _name(fields, name)
    if not value.strip():
        raise Unreadable(f"{name} is missing")
    if len(value) > MOST_ID:
        raise Unreadable(f"{name} is too long")
    if _CONTROL.search(value):
        raise Unreadable(f"{name} has a control character in it")
    return value


def read_msisdn(fields: Fields, name: str, region: str) -> Msisdn:
    """The person's number. Raises Unreadable where it is missing or cannot be one."""
    value = _name(fields, name)
    if not value.strip():
        raise Unreadable(f"{name} is missing")
    # A plus that was not percent-encoded arrives as a blank.
    value = _LOST_PLUS.sub("+", value, count=1) if value.startswith(" ") else value
    found = parse_msisdn(value, region) if len(value) <= _MOST_NUMBER else None
    if found is None:
        raise Unreadable(f"{name} is not a telephone number")
    return found


def read_text(fields: Fields, name: str) -> str:
    """What a person typed, without control characters and not longer than anyone types; else empty."""
    return _text(fields, name).translate(_CONTROLS)[:MOST_TEXT]


def read_word(fields: Fields, name: str) -> str:
    """A short word of the gateway's own (network, type, code), trimmed; empty where there is none."""
    return read_text(fields, name)[:_MOST_WORD].strip()


def address_of(msisdn: Msisdn) -> Address:
    return Address("msisdn", msisdn)


def input_of(text: str) -> Input:
    return Typed(text) if text.strip() else Nothing()


def reject(why: str, status: int = 400, headers: Mapping[str, str] | None = None) -> Rejected:
    return Rejected(WireReply(status, f"{why}\n".encode(), headers=headers or {}))


def reject_method(request: WireRequest, methods: frozenset[str]) -> Rejected | None:
    """The refusal of a method the gateway does not use, or None."""
    if request.method.upper() in methods:
        return None
    return reject("this method is not used here", 405, {"Allow": ", ".join(sorted(methods))})


def _name(fields: Fields, name: str) -> str:
    """What names a session or a person. Raises Unreadable for what could be read in more than one way."""
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise Unreadable(f"{name} is neither text nor a whole number")
    return _text(fields, name)


def _text(fields: Fields, name: str) -> str:
    value = fields.get(name)
    if isinstance(value, _NotWhole):
        return value.written
    # Half a surrogate pair, which JSON can spell, could never be stored or sent back.
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""
