"""Pretends to be Moolre: posts JSON; what was dialled behind the extension comes in a field of its own.

Source: Moolre's USSD documentation and adapters that people run, read November 2026.
"""

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from bot.sandbox.gateways.base import Names, Sent, Shown, Upset, post_json, read_object

__all__ = ["Simulator"]


class Simulator:
    names: ClassVar = Names(session="sessionid", number="msisdn", text="message")

    def __init__(self, code: str, msisdn: str, session: str = "") -> None:
        self._code = code
        extension = code.rstrip("#").rpartition("*")[2]
        self.fields: dict[str, Any] = {
            "sessionid": session or uuid.uuid4().hex,
            "new": True,
            "msisdn": msisdn.removeprefix("+"),
            "network": 3,
            "message": "",
            "extension": int(extension) if extension.isdigit() else 0,
            "data": "",
        }

    def dial(self, dialled: str) -> Sent:
        own, dialled = self._code.rstrip("#"), dialled.rstrip("#")
        behind = dialled.removeprefix(own).removeprefix("*") if dialled.startswith(own) else ""
        return self._say({"new": True, "message": "", "data": behind})

    def answer(self, typed: str) -> Sent:
        return self._say({"new": False, "message": typed, "data": ""})

    def end(self, why: str = "left") -> Sent | None:
        return None

    def encode(self, fields: Mapping[str, Any]) -> Sent:
        return post_json(fields)

    def read(self, status: int, body: bytes) -> Shown:
        said = read_object(status, body)
        text, waits = said.get("message"), said.get("reply")
        if not isinstance(text, str) or not isinstance(waits, bool):
            raise Upset(f"not for Moolre: {said}")
        return Shown(text, waits)

    def _say(self, said: dict[str, Any]) -> Sent:
        self.fields = self.fields | said
        return self.encode(self.fields)
