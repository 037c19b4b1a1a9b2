"""Reads what a gateway sent, whatever it sent: never raises anything but `Unreadable`.

Shared by the adapters. Turns bytes into fields, and fields into an id, a number, a text; says what is
wrong in a sentence that holds nothing of what was sent.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl
from xml.parsers import expat

import msgspec

from bot.channels.ussd.base import Heard, Manners, Read, Rejected, WireReply, WireRequest
from bot.channels.ussd.dial import parse_dial, show_code
from bot.dialog import Address, Inbound, Input, Nothing, Session, Typed
from bot.money import Msisdn, parse_msisdn

__all__ = [
    "MOST_ID",
    "MOST_TEXT",
    "Fields",
    "Unreadable",
    "build_json",
    "clean",
    "hear",
    "hear_newest",
    "is_missing",
    "pick",
    "read_flag",
    "read_form",
    "read_id",
    "read_json",
    "read_msisdn",
    "read_query",
    "read_request",
    "read_text",
    "read_word",
    "read_xml",
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
_COUNTRY_FIRST: Final = re.compile(r"[1-9]\d{9,}", re.ASCII)
_LOST_PLUS: Final = re.compile(r" +(?=[1-9])")


class _Whole(str):
    """A whole number in JSON, as it was written."""

    __slots__ = ()


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
    return _Whole(written) if _WHOLE.fullmatch(written) else _NotWhole(written)


def read_xml(content: bytes, root: str) -> Fields:
    """The texts of the elements below `root`. A document type, and with it every entity of its own, is
    refused: it could name files of ours or grow without end."""
    reader = _XmlReader(root)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = reader.refuse_doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(content.decode("utf-8-sig", "replace"), True)
    except expat.ExpatError as error:
        raise Unreadable("the body is not XML") from error
    return read_query(reader.found)


class _XmlReader:
    def __init__(self, root: str) -> None:
        self._root = root
        self._depth = 0
        self._texts: list[str] = []
        self.found: list[tuple[str, str]] = []

    def refuse_doctype(self, *_declared: object) -> None:
        raise Unreadable("the body has a document type, which is not taken")

    def start(self, name: str, _attributes: Mapping[str, str]) -> None:
        self._depth += 1
        if self._depth == 1 and name != self._root:
            raise Unreadable(f"the body is not <{self._root}>")
        self._texts = []

    def end(self, name: str) -> None:
        if self._depth == 2:
            self.found.append((name, "".join(self._texts)))
            if len(self.found) > _MOST_FIELDS:
                raise Unreadable("the body has too many fields")
        self._depth -= 1

    def text(self, text: str) -> None:
        self._texts.append(text)


def read_request(
    request: WireRequest,
    manners: Manners,
    decode: Callable[[WireRequest], Fields],
    read: Mapping[str, Callable[[Fields], Read]],
) -> Read:
    """What the request says: its fields, by the reader of its path. A refusal where the method, the path or
    the body is none of this gateway's."""
    if request.method.upper() not in manners.methods:
        allow = {"Allow": ", ".join(sorted(manners.methods))}
        return _reject("this method is not used here", 405, allow)
    reader = read.get(request.path.rstrip("/"))
    if reader is None:
        return _reject("there is nothing here", 404)
    try:
        return reader(decode(request))
    except Unreadable as error:
        return _reject(str(error))


def hear(
    manners: Manners,
    *,
    session_id: str,
    msisdn: Msisdn,
    opens: bool | None = None,
    typed: str = "",
    cumulative: str | None = None,
    dial_args: tuple[str, ...] = (),
    turn_key: str = "",
    code: str = "",
    network: str = "",
    echo: Any = None,
) -> Heard:
    """The turn. `typed` is the newest input; a dial has none."""
    session = Session(
        gateway=manners.name,
        id=session_id,
        opens=opens,
        cumulative=cumulative,
        dial_args=dial_args,
        service_code=show_code(code),
        network=network,
        idle_s=manners.idle_s,
    )
    said: Input = Typed(typed) if typed.strip() else Nothing()
    return Heard(Inbound("ussd", Address("msisdn", msisdn), said, turn_key, session), echo)


def hear_newest(
    manners: Manners,
    *,
    session_id: str,
    msisdn: Msisdn,
    opens: bool | None,
    text: str,
    code: str,
    network: str = "",
    turn_key: str = "",
    echo: Any = None,
) -> Heard:
    """The turn of a gateway that sends the newest input, and what was dialled where a session opens."""
    return hear(
        manners,
        session_id=session_id,
        msisdn=msisdn,
        opens=opens,
        typed="" if opens else text,
        dial_args=parse_dial(text, code) if opens else (),
        turn_key=turn_key,
        code=code,
        network=network,
        echo=echo,
    )


def is_missing(fields: Fields, name: str) -> bool:
    """Whether nothing stands there."""
    value = fields.get(name)
    return value is None or (isinstance(value, str) and not value.strip())


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


def read_msisdn(fields: Fields, name: str, region: str, *, international: bool = False) -> Msisdn:
    """The person's number. `international`: the country always stands before it, perhaps without a plus, so
    that it is no longer number of `region`. Raises Unreadable where it is missing or cannot be one."""
    value = _name(fields, name)
    if not value.strip():
        raise Unreadable(f"{name} is missing")
    # A plus that was not percent-encoded arrives as a blank.
    value = _LOST_PLUS.sub("+", value, count=1) if value.startswith(" ") else value
    if len(value) > _MOST_NUMBER:
        raise Unreadable(f"{name} is not a telephone number")
    found = parse_msisdn(f"+{value}", region) if international and _COUNTRY_FIRST.match(value) else None
    found = found or parse_msisdn(value, region)
    if found is None:
        raise Unreadable(f"{name} is not a telephone number")
    return found


def read_text(fields: Fields, name: str) -> str:
    """What a person typed, without control characters and not longer than anyone types; else empty."""
    return _text(fields, name).translate(_CONTROLS)[:MOST_TEXT]


def read_word(fields: Fields, name: str) -> str:
    """A short word of the gateway's own (network, type, code), trimmed; empty where there is none."""
    return read_text(fields, name)[:_MOST_WORD].strip()


def read_flag(fields: Fields, name: str) -> bool | None:
    """Yes or no, as JSON says it or in words; None where it is neither."""
    value = fields.get(name)
    if isinstance(value, bool):
        return value
    return {"true": True, "1": True, "false": False, "0": False}.get(read_word(fields, name).lower())


def pick(fields: Fields, *names: str) -> dict[str, str]:
    """Those texts and whole numbers of the fields that a reply repeats exactly."""
    return {name: value for name in names if isinstance(value := fields.get(name), str)}


def clean(text: str) -> str:
    """A screen as it goes out: LF between lines, and nothing that UTF-8 cannot carry."""
    return text.replace("\r\n", "\n").encode("utf-8", "replace").decode()


def build_json(body: Mapping[str, Any]) -> WireReply:
    """A JSON object as the reply. What `pick` took goes out as it came, a number as a number."""
    ready = {
        name: msgspec.Raw(value.encode())
        if isinstance(value, _Whole)
        else clean(value)
        if isinstance(value, str)
        else value
        for name, value in body.items()
    }
    return WireReply(200, msgspec.json.encode(ready), content_type="application/json")


def _reject(why: str, status: int = 400, headers: Mapping[str, str] | None = None) -> Rejected:
    return Rejected(WireReply(status, f"{why}\n".encode(), headers=headers or {}))


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
