"""Pretends to be Hubtel: posts JSON with the newest input and a number for each request of a session.

Source: Hubtel Programmable Services documentation and SDK, read November 2026.
"""

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from bot.sandbox.gateways.base import Names, Sent, Shown, Upset, post_json, read_object

__all__ = ["Simulator"]


class Simulator:
    names: ClassVar = Names(session="SessionId", number="Mobile", text="Message", kind="Type")

    def __init__(self, code: str, msisdn: str, session: str = "") -> None:
        self.fields: dict[str, Any] = {
            "Type": "",
            "Message": "",
            "ServiceCode": code.strip("*#"),
            "Operator": "mtn",
            "Platform": "USSD",
            "ClientState": "",
            "Mobile": msisdn.removeprefix("+"),
            "SessionId": session or uuid.uuid4().hex,
            "Sequence": 0,
        }

    def dial(self, dialled: str) -> Sent:
        return self._say("initiation", dialled)

    def answer(self, typed: str) -> Sent:
        return self._say("response", typed)

    def end(self, why: str = "left") -> Sent | None:
        kinds = {"left": "release", "timeout": "timeout"}
        return self._say(kinds[why], "") if why in kinds else None

    def encode(self, fields: Mapping[str, Any]) -> Sent:
        return post_json(fields)

    def read(self, status: int, body: bytes) -> Shown:
        said = read_object(status, body)
        kind, text = said.get("Type"), said.get("Message")
        whole = {"Type", "Message", "Label", "DataType", "FieldType"} <= said.keys()
        if not whole or kind not in ("response", "release") or not isinstance(text, str):
            raise Upset(f"not for Hubtel: {said}")
        return Shown(text, kind == "response")

    def _say(self, kind: str, message: str) -> Sent:
        self.fields = self.fields | {
            "Type": kind,
            "Message": message,
            "Sequence": self.fields["Sequence"] + 1,
        }
        return self.encode(self.fields)
