"""Pretends to be Nalo: posts JSON in capitals; MSGTYPE says new going in and stay open coming back.

Source: adapters that people run, read November 2026.
"""

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from bot.sandbox.gateways.base import Names, Sent, Shown, Upset, post_json, read_object

__all__ = ["Simulator"]


class Simulator:
    names: ClassVar = Names(session="SESSIONID", number="MSISDN", text="USERDATA")

    def __init__(self, code: str, msisdn: str, session: str = "") -> None:
        self.fields: dict[str, Any] = {
            "USERID": "SIMULATED",
            "MSISDN": msisdn.removeprefix("+"),
            "USERDATA": "",
            "MSGTYPE": True,
            "NETWORK": "MTN",
            "SESSIONID": session or str(uuid.uuid4().int)[:17],
        }

    def dial(self, dialled: str) -> Sent:
        # Often without the # at the end.
        return self._say(dialled.rstrip("#"), new=True)

    def answer(self, typed: str) -> Sent:
        return self._say(typed, new=False)

    def end(self, why: str = "left") -> Sent | None:
        return None

    def encode(self, fields: Mapping[str, Any]) -> Sent:
        return post_json(fields)

    def read(self, status: int, body: bytes) -> Shown:
        said = read_object(status, body)
        text, stays_open = said.get("MSG"), said.get("MSGTYPE")
        same = all(said.get(name) == self.fields[name] for name in ("USERID", "MSISDN"))
        if not same or not isinstance(text, str) or not isinstance(stays_open, bool):
            raise Upset(f"not for Nalo: {said}")
        return Shown(text, stays_open)

    def _say(self, text: str, *, new: bool) -> Sent:
        self.fields = self.fields | {"MSGTYPE": new, "USERDATA": text}
        return self.encode(self.fields)
