"""Hubtel Programmable Services (Ghana): JSON in with the newest input, JSON out with the screen.

Speaks the dialogue only: no cart, no stored favourites, no fulfilment. Numbers are Ghanaian unless
they say otherwise, whatever the deployment's home is.
Source: Hubtel's service-interaction documentation and SDK, read November 2026.
"""

from typing import ClassVar, Final

from bot.channels.ussd.base import (
    GatewayOptions,
    Heard,
    Left,
    Manners,
    Read,
    Rejected,
    WireReply,
    WireRequest,
)
from bot.channels.ussd.dial import is_dial
from bot.channels.ussd.wire import (
    MOST_ID,
    Fields,
    build_json,
    hear_newest,
    read_id,
    read_json,
    read_msisdn,
    read_request,
    read_text,
    read_word,
)

__all__ = ["Hubtel"]

_HOME: Final = "GH"
_LABEL: Final = "Kasapay"  # the title in their application and on the web
# For a cart, a query, a favourite, or a type we have never heard of: the session is over at once,
# before any person of ours has a language.
_NOT_HERE: Final = "This is not available here. Please dial the code to start."
_LEFT: Final = frozenset({"release", "timeout"})


class Hubtel:
    manners: ClassVar = Manners(
        name="hubtel",
        title="Hubtel",
        says_new=True,
        reports_end=True,
        numbers_turns=True,
        answer_s=5,
        idle_s=120,
    )
    options: ClassVar[type[GatewayOptions]] = GatewayOptions

    def __init__(self, given: GatewayOptions) -> None:
        self._code = given.code

    def read(self, request: WireRequest, *, region: str) -> Read:
        """A turn; a release or a time-out is the end, acknowledged; `region` is not asked: it is Ghana."""
        return read_request(request, self.manners, lambda wire: read_json(wire.content), {"": self._read})

    def build_reply(self, heard: Heard, text: str, *, keep_open: bool) -> WireReply:
        return _reply("response" if keep_open else "release", text)

    def _read(self, fields: Fields) -> Read:
        session_id = read_id(fields, "SessionId")
        msisdn = read_msisdn(fields, "Mobile", _HOME)
        kind = read_word(fields, "Type").lower()
        if kind in _LEFT:
            return Left(session_id, msisdn, kind, _reply("release", ""))
        if kind not in ("initiation", "response"):
            return Rejected(_reply("release", _NOT_HERE))
        message = read_text(fields, "Message")
        # The code in the request may be an id, or lack our extension.
        ours = is_dial(message, self._code)
        return hear_newest(
            self.manners,
            session_id=session_id,
            msisdn=msisdn,
            opens=kind == "initiation",
            text=message,
            code=self._code if ours else read_word(fields, "ServiceCode") or self._code,
            network=read_word(fields, "Operator"),
            turn_key=_sequence(fields),
        )


def _sequence(fields: Fields) -> str:
    """The request's number in its session, sent as text or as a number; empty where there is none."""
    value = read_text(fields, "Sequence").strip()
    plain = value.isascii() and value.isdigit() and len(value) <= MOST_ID
    return (value.lstrip("0") or "0") if plain else ""


def _reply(kind: str, message: str) -> WireReply:
    return build_json(
        {
            "Type": kind,
            "Message": message,
            "Label": _LABEL,
            "DataType": "input" if kind == "response" else "display",
            "FieldType": "text",
        }
    )
