"""Moolre (Ghana): JSON in with the newest input, and what was dialled behind the code in a field of its own.

Source: Moolre's USSD documentation and adapters that people run, read November 2026.
"""

from typing import ClassVar

from bot.channels.ussd.base import GatewayOptions, Heard, Manners, Read, WireReply, WireRequest
from bot.channels.ussd.dial import parse_dial
from bot.channels.ussd.wire import (
    Fields,
    build_json,
    hear,
    read_flag,
    read_id,
    read_json,
    read_msisdn,
    read_request,
    read_text,
    read_word,
)

__all__ = ["Moolre"]


class Moolre:
    manners: ClassVar = Manners(name="moolre", title="Moolre", says_new=True, reports_end=False)
    options: ClassVar[type[GatewayOptions]] = GatewayOptions

    def __init__(self, given: GatewayOptions) -> None:
        self._code = given.code

    def read(self, request: WireRequest, *, region: str) -> Read:
        """A turn. Numbers are Ghanaian unless they say otherwise."""
        return read_request(request, self.manners, lambda wire: read_json(wire.content), {"": self._turn})

    def build_reply(self, heard: Heard, text: str, *, keep_open: bool) -> WireReply:
        return build_json({"message": text, "reply": keep_open})

    def _turn(self, fields: Fields) -> Read:
        opens = read_flag(fields, "new") or False
        # Our code ends in our extension; `data` is what stood between it and the #.
        dialled = f"{self._code.rstrip('#')}*{read_text(fields, 'data').rstrip('#')}#"
        return hear(
            self.manners,
            session_id=read_id(fields, "sessionid"),
            msisdn=read_msisdn(fields, "msisdn", "GH"),
            opens=opens,
            typed="" if opens else read_text(fields, "message"),
            dial_args=parse_dial(dialled, self._code) if opens else (),
            code=self._code,
            network=read_word(fields, "network"),
        )
