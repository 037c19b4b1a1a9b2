"""Pretends to be TruRoute: posts XML with the newest input and the type of the request, and reads XML.

Source: TruRoute-USSD documentation, read November 2026.
"""

import re
import uuid
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from bot.sandbox.gateways.base import Names, Sent, Shown, Upset

__all__ = ["Simulator"]

_ENDS: Final = {"left": "3", "timeout": "4"}
_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_REPLY: Final = re.compile(
    r"<ussd><type>([23])</type><msg>([^<>]*)</msg>"
    r"<premium><cost>\d+</cost><ref>[^<>]*</ref></premium></ussd>"
)
_ESCAPED: Final = re.compile("&(amp|lt|gt);|&")


class Simulator:
    names: ClassVar = Names(session="sessionid", number="msisdn", text="msg", kind="type")

    def __init__(self, code: str, msisdn: str, session: str = "") -> None:
        self.fields: dict[str, Any] = {
            "msisdn": msisdn.removeprefix("+"),
            "sessionid": session or str(uuid.uuid4().int)[:12],
            "type": "1",
            "msg": "",
        }

    def dial(self, dialled: str) -> Sent:
        return self._say("1", dialled)

    def answer(self, typed: str) -> Sent:
        return self._say("2", typed)

    def end(self, why: str = "left") -> Sent | None:
        return self._say(_ENDS[why], "") if why in _ENDS else None

    def encode(self, fields: Mapping[str, Any]) -> Sent:
        inner = "".join(f"<{name}>{_escape(str(value))}</{name}>" for name, value in fields.items())
        return Sent(f"<ussd>{inner}</ussd>".encode("utf-8", "surrogatepass"), "text/xml")

    def read(self, status: int, body: bytes) -> Shown:
        found = _REPLY.fullmatch(body.decode())
        if status != 200 or found is None:
            raise Upset(f"{status} {body[:100]!r}")
        return Shown(_ESCAPED.sub(_unescape, found[2]), found[1] == "2")

    def _say(self, kind: str, message: str) -> Sent:
        self.fields = self.fields | {"type": kind, "msg": message}
        return self.encode(self.fields)


def _escape(text: str) -> str:
    return "".join(_ESCAPES.get(letter, letter) for letter in text)


def _unescape(found: re.Match[str]) -> str:
    if found[1] is None:
        raise Upset("an & that is not escaped")
    return {"amp": "&", "lt": "<", "gt": ">"}[found[1]]
