"""TruRoute (TruTeq; South Africa, Namibia, Malawi): XML in with the newest input, XML out.

Never charges for a screen: the cost is always nothing.
Source: TruRoute-USSD documentation, read November 2026; the words of a reply without a charge from adapters.
"""

import re
from typing import ClassVar, Final
from xml.sax.saxutils import escape

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
    clean,
    hear_newest,
    read_id,
    read_msisdn,
    read_request,
    read_text,
    read_word,
    read_xml,
)

__all__ = ["TruRoute"]

_NEW, _ANSWER, _OPEN, _CLOSED = "1", "2", "2", "3"
_ENDS: Final = {"3": "left", "4": "timeout", "10": "not charged"}
_NOT_HERE: Final = "This is not available here. Please dial the code to start."
# What XML cannot carry.
_NOT_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


class TruRoute:
    manners: ClassVar = Manners(
        name="truroute", title="TruRoute", says_new=True, reports_end=True, idle_s=180
    )
    options: ClassVar[type[GatewayOptions]] = GatewayOptions

    def __init__(self, given: GatewayOptions) -> None:
        self._code = given.code

    def read(self, request: WireRequest, *, region: str) -> Read:
        def turn(fields: Fields) -> Read:
            return self._turn(fields, region)

        return read_request(request, self.manners, lambda wire: read_xml(wire.content, "ussd"), {"": turn})

    def build_reply(self, heard: Heard, text: str, *, keep_open: bool) -> WireReply:
        return _reply(_OPEN if keep_open else _CLOSED, text)

    def _turn(self, fields: Fields, region: str) -> Read:
        session_id = read_id(fields, "sessionid")
        msisdn = read_msisdn(fields, "msisdn", region, international=True)
        kind = read_word(fields, "type")
        if kind in _ENDS:
            return Left(session_id, msisdn, _ENDS[kind], _reply(_CLOSED, ""))
        if kind not in (_NEW, _ANSWER):
            return Rejected(_reply(_CLOSED, _NOT_HERE))
        return hear_newest(
            self.manners,
            session_id=session_id,
            msisdn=msisdn,
            opens=kind == _NEW,
            text=read_text(fields, "msg"),
            code=self._code,
        )


def _reply(kind: str, text: str) -> WireReply:
    shown = escape(_NOT_XML.sub("", clean(text)))
    body = (
        f"<ussd><type>{kind}</type><msg>{shown}</msg><premium><cost>0</cost><ref>NULL</ref></premium></ussd>"
    )
    return WireReply(200, body.encode(), content_type="text/xml; charset=utf-8")
