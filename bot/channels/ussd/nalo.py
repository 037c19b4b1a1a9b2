"""Nalo (Ghana, Nigeria): JSON in and out, in capitals, where MSGTYPE says opposite things in and out.

In a request true means that a session begins, in a reply that it stays open. Older deployments send no id
of the session: the number names it then.
Source: adapters that people run, read November 2026; the time and the type of an end as a vendor told them.
"""

from typing import Any, ClassVar

from pydantic import Field

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
from bot.channels.ussd.wire import (
    Fields,
    build_json,
    hear_newest,
    is_missing,
    pick,
    read_flag,
    read_id,
    read_json,
    read_msisdn,
    read_request,
    read_text,
    read_word,
)

__all__ = ["Nalo", "NaloOptions"]


class NaloOptions(GatewayOptions):
    user: str = Field(
        default="", description="Nalo's user id of our account. Once set, requests of others are refused."
    )
    end_type: str = Field(
        default="",
        description="The `MSGTYPE` by which Nalo says that a person left, perhaps `2`; unless set, none.",
    )


class Nalo:
    manners: ClassVar = Manners(name="nalo", title="Nalo", says_new=True, reports_end=False, idle_s=180)
    options: ClassVar[type[GatewayOptions]] = NaloOptions

    def __init__(self, given: NaloOptions) -> None:
        self._given = given

    def read(self, request: WireRequest, *, region: str) -> Read:
        def turn(fields: Fields) -> Read:
            return self._turn(fields, region)

        return read_request(request, self.manners, lambda wire: read_json(wire.content), {"": turn})

    def build_reply(self, heard: Heard, text: str, *, keep_open: bool) -> WireReply:
        echo: dict[str, Any] = heard.echo
        return build_json({**echo, "MSG": text, "MSGTYPE": keep_open})

    def _turn(self, fields: Fields, region: str) -> Read:
        msisdn = read_msisdn(fields, "MSISDN", region, international=True)
        session_id = msisdn if is_missing(fields, "SESSIONID") else read_id(fields, "SESSIONID")
        if self._given.user and read_text(fields, "USERID") != self._given.user:
            return Rejected(WireReply(403, b"USERID is another account's\n"))
        echo = pick(fields, "USERID", "MSISDN")
        kind = read_word(fields, "MSGTYPE")
        if kind and kind == self._given.end_type:
            return Left(session_id, msisdn, "left", build_json({**echo, "MSG": "", "MSGTYPE": False}))
        return hear_newest(
            self.manners,
            session_id=session_id,
            msisdn=msisdn,
            opens=read_flag(fields, "MSGTYPE") or False,
            text=read_text(fields, "USERDATA"),
            code=self._given.code,
            network=read_word(fields, "NETWORK"),
            echo=echo,
        )
