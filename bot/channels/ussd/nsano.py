"""Nsano (Ghana): a query or JSON in with the newest input, JSON out with the screen as a title.

Nothing says that a session begins: its id is new, and its text is what was dialled.
Source: adapters that people run, read November 2026.
"""

from typing import ClassVar

from bot.channels.ussd.base import GatewayOptions, Heard, Manners, Read, WireReply, WireRequest
from bot.channels.ussd.dial import is_dial, parse_dial
from bot.channels.ussd.wire import (
    Fields,
    build_json,
    clean,
    hear,
    read_id,
    read_json,
    read_msisdn,
    read_query,
    read_request,
    read_text,
    read_word,
)

__all__ = ["Nsano"]


class Nsano:
    manners: ClassVar = Manners(
        name="nsano",
        title="Nsano",
        says_new=False,
        reports_end=False,
        methods=frozenset({"GET", "POST"}),
    )
    options: ClassVar[type[GatewayOptions]] = GatewayOptions

    def __init__(self, given: GatewayOptions) -> None:
        self._code = given.code

    def read(self, request: WireRequest, *, region: str) -> Read:
        """A turn. Numbers are Ghanaian unless they say otherwise."""
        return read_request(request, self.manners, _fields, {"": self._turn})

    def build_reply(self, heard: Heard, text: str, *, keep_open: bool) -> WireReply:
        action = "input" if keep_open else "prompt"
        return build_json({"USSDResp": {"action": action, "menus": "", "title": clean(text)}})

    def _turn(self, fields: Fields) -> Read:
        message = read_text(fields, "msg")
        dials = is_dial(message, self._code)
        return hear(
            self.manners,
            session_id=read_id(fields, "UserSessionID"),
            msisdn=read_msisdn(fields, "msisdn", "GH"),
            typed="" if dials else message,
            dial_args=parse_dial(message, self._code) if dials else (),
            code=self._code,
            network=read_word(fields, "network"),
        )


def _fields(wire: WireRequest) -> Fields:
    return read_query(wire.query) if wire.method.upper() == "GET" else read_json(wire.content)
