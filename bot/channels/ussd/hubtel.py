"""Hubtel Programmable Services (Ghana): JSON in with the newest input, JSON out with the screen.

Speaks the dialogue only: no cart, no stored favourites, no fulfilment. Numbers are Ghanaian unless
they say otherwise, whatever the deployment's home is.
Source: Hubtel's service-interaction documentation and SDK, read November 2026.
"""

from typing import Final

import msgspec

from bot.channels.ussd.base import Heard, Left, Read, Rejected, WireReply, WireRequest
from bot.channels.ussd.dial import parse_dial, show_code
from bot.channels.ussd.wire import (
    MOST_ID,
    Fields,
    Unreadable,
    address_of,
    input_of,
    read_id,
    read_json,
    read_msisdn,
    read_text,
    read_word,
    reject,
    reject_method,
)
from bot.dialog import Inbound, Nothing, Session

__all__ = ["Hubtel"]

_HOME: Final = "GH"
_LABEL: Final = "Kasapay"  # the title in their application and on the web
_JSON: Final = "application/json"
# For a cart, a query, a favourite, or a type we have never heard of: the session is over at once,
# before any person of ours has a language.
_NOT_HERE: Final = "This is not available here. Please dial the code to start."
_LEFT: Final = frozenset({"release", "timeout"})


class Hubtel:
    """`service_code` stands for the one in the request, where that is an id or lacks our extension."""

    name = "hubtel"
    methods = frozenset({"POST"})
    budget = 160
    answer_s = 5.0
    idle_s = 120.0

    def __init__(self, *, service_code: str = "") -> None:
        self._service_code = service_code

    def read(self, request: WireRequest, *, region: str) -> Read:
        """A turn; a release or a time-out is the end, acknowledged; `region` is not asked: it is Ghana."""
        refusal = reject_method(request, self.methods)
        if refusal is not None:
            return refusal
        if request.path.rstrip("/"):
            return reject("there is nothing here", 404)
        try:
            return self._read(read_json(request.content))
        except Unreadable as error:
            return reject(str(error))

    def build_reply(self, heard: Heard, text: str, *, keep_open: bool) -> WireReply:
        return _reply("response" if keep_open else "release", text.replace("\r\n", "\n"))

    def _read(self, fields: Fields) -> Read:
        session_id = read_id(fields, "SessionId")
        msisdn = read_msisdn(fields, "Mobile", _HOME)
        kind = read_word(fields, "Type").lower()
        if kind in _LEFT:
            return Left(session_id, msisdn, kind, _reply("release", ""))
        if kind not in ("initiation", "response"):
            return Rejected(_reply("release", _NOT_HERE))
        opens = kind == "initiation"
        message = read_text(fields, "Message")
        code = self._service_code or read_word(fields, "ServiceCode")
        session = Session(
            gateway=self.name,
            id=session_id,
            opens=opens,
            dial_args=parse_dial(message, code) if opens else (),
            service_code=show_code(code),
            network=read_word(fields, "Operator"),
            idle_s=self.idle_s,
        )
        said = Nothing() if opens else input_of(message)
        return Heard(Inbound("ussd", address_of(msisdn), said, turn_key=_sequence(fields), session=session))


def _sequence(fields: Fields) -> str:
    """The request's number in its session, sent as text or as a number; empty where there is none."""
    value = read_text(fields, "Sequence").strip()
    plain = value.isascii() and value.isdigit() and len(value) <= MOST_ID
    return (value.lstrip("0") or "0") if plain else ""


def _reply(kind: str, message: str) -> WireReply:
    body = {
        "Type": kind,
        "Message": message.encode("utf-8", "replace").decode(),
        "Label": _LABEL,
        "DataType": "input" if kind == "response" else "display",
        "FieldType": "text",
    }
    return WireReply(200, msgspec.json.encode(body), content_type=_JSON)
