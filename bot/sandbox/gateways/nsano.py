"""Pretends to be Nsano: posts JSON with the newest input, which is the dialled code where the id is new.

Source: adapters that people run, read November 2026.
"""

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from bot.sandbox.gateways.base import Names, Sent, Shown, Upset, post_json, read_object

__all__ = ["Simulator"]


class Simulator:
    names: ClassVar = Names(session="UserSessionID", number="msisdn", text="msg")

    def __init__(self, code: str, msisdn: str, session: str = "") -> None:
        self.fields: dict[str, Any] = {
            "UserSessionID": session or uuid.uuid4().hex,
            "msisdn": msisdn.removeprefix("+"),
            "network": "MTN",
            "msg": "",
        }

    def dial(self, dialled: str) -> Sent:
        return self._say(dialled.rstrip("#"))

    def answer(self, typed: str) -> Sent:
        return self._say(typed)

    def end(self, why: str = "left") -> Sent | None:
        return None

    def encode(self, fields: Mapping[str, Any]) -> Sent:
        return post_json(fields)

    def read(self, status: int, body: bytes) -> Shown:
        said = read_object(status, body).get("USSDResp")
        if not isinstance(said, dict) or said.keys() != {"action", "menus", "title"}:
            raise Upset(f"not for Nsano: {said}")
        action, lines = said["action"], [said["title"], *(said["menus"] or [])]
        if action not in ("input", "prompt"):
            raise Upset(f"not for Nsano: {said}")
        return Shown("\n".join(lines), action == "input")

    def _say(self, text: str) -> Sent:
        self.fields = self.fields | {"msg": text}
        return self.encode(self.fields)
