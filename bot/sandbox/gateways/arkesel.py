"""Pretends to be Arkesel: posts JSON with the newest input, and wants its three ids back as it sent them.

Source: adapters and test tools that people run, read November 2026.
"""

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from bot.sandbox.gateways.base import Names, Sent, Shown, Upset, post_json, read_object

__all__ = ["Simulator"]


class Simulator:
    names: ClassVar = Names(session="sessionID", number="msisdn", text="userData")

    def __init__(self, code: str, msisdn: str, session: str = "") -> None:
        self.fields: dict[str, Any] = {
            "sessionID": session or str(uuid.uuid4().int)[:16],
            "userID": "SIMULATED",
            "newSession": True,
            "msisdn": msisdn.removeprefix("+"),
            "userData": "",
            "network": "MTN",
        }

    def dial(self, dialled: str) -> Sent:
        return self._say(dialled, new=True)

    def answer(self, typed: str) -> Sent:
        return self._say(typed, new=False)

    def end(self, why: str = "left") -> Sent | None:
        return None

    def encode(self, fields: Mapping[str, Any]) -> Sent:
        return post_json(fields)

    def read(self, status: int, body: bytes) -> Shown:
        said = read_object(status, body)
        text, goes_on = said.get("message"), said.get("continueSession")
        same = all(said.get(name) == self.fields[name] for name in ("sessionID", "userID", "msisdn"))
        if not same or not isinstance(text, str) or not isinstance(goes_on, bool):
            raise Upset(f"not for Arkesel: {said}")
        return Shown(text, goes_on)

    def _say(self, text: str, *, new: bool) -> Sent:
        self.fields = self.fields | {"newSession": new, "userData": text}
        return self.encode(self.fields)
