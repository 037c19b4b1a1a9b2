"""Arkesel (Ghana): JSON in with the newest input, JSON out that repeats who asked.

Source: adapters and test tools that people run, read November 2026; the times as a vendor told them.
"""

from typing import Any, ClassVar

from pydantic import Field

from bot.channels.ussd.base import GatewayOptions, Heard, Manners, Read, Rejected, WireReply, WireRequest
from bot.channels.ussd.wire import (
    Fields,
    build_json,
    hear_newest,
    pick,
    read_flag,
    read_id,
    read_json,
    read_msisdn,
    read_request,
    read_text,
    read_word,
)

__all__ = ["Arkesel", "ArkeselOptions"]


class ArkeselOptions(GatewayOptions):
    user: str = Field(
        default="", description="Arkesel's user id of our account. Once set, requests of others are refused."
    )


class Arkesel:
    manners: ClassVar = Manners(
        name="arkesel", title="Arkesel", says_new=True, reports_end=False, answer_s=25, idle_s=150
    )
    options: ClassVar[type[GatewayOptions]] = ArkeselOptions

    def __init__(self, given: ArkeselOptions) -> None:
        self._code = given.code
        self._user = given.user

    def read(self, request: WireRequest, *, region: str) -> Read:
        """A turn. Numbers are Ghanaian unless they say otherwise."""
        return read_request(request, self.manners, lambda wire: read_json(wire.content), {"": self._turn})

    def build_reply(self, heard: Heard, text: str, *, keep_open: bool) -> WireReply:
        echo: dict[str, Any] = heard.echo
        return build_json({**echo, "message": text, "continueSession": keep_open})

    def _turn(self, fields: Fields) -> Read:
        session_id = read_id(fields, "sessionID")
        msisdn = read_msisdn(fields, "msisdn", "GH")
        if self._user and read_text(fields, "userID") != self._user:
            return Rejected(WireReply(403, b"userID is another account's\n"))
        return hear_newest(
            self.manners,
            session_id=session_id,
            msisdn=msisdn,
            opens=read_flag(fields, "newSession") or False,
            text=read_text(fields, "userData"),
            code=self._code,
            network=read_word(fields, "network"),
            echo=pick(fields, "sessionID", "userID", "msisdn"),
        )
