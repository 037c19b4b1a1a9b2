"""Pretends to be Africa's Talking: posts a form with all input so far, wants `CON ` or `END ` and a screen.

Source: Africa's Talking USSD documentation, read November 2026; the shape of an id as seen in adapters.
"""

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar, Final
from urllib.parse import urlencode

from bot.sandbox.gateways.base import Names, Sent, Shown, Upset

__all__ = ["Simulator"]

_STATUS: Final = {"left": "Incomplete", "timeout": "Incomplete", "success": "Success", "failed": "Failed"}


class Simulator:
    names: ClassVar = Names(session="sessionId", number="phoneNumber", text="text")

    def __init__(self, code: str, msisdn: str, session: str = "") -> None:
        self._code = code
        self._hops = 0
        self._last = ""
        self.fields: dict[str, Any] = {
            "sessionId": f"ATUid_{session or uuid.uuid4().hex}",
            "phoneNumber": msisdn,
            "networkCode": "99999",
            "serviceCode": code,
            "text": "",
        }

    def dial(self, dialled: str) -> Sent:
        own, dialled = self._code.rstrip("#"), dialled.rstrip("#")
        behind = dialled.removeprefix(own).removeprefix("*") if dialled.startswith(own) else ""
        return self._say(behind)

    def answer(self, typed: str) -> Sent:
        # An empty answer is a bare star. Only a first answer stands without one.
        first = not self.fields["text"]
        return self._say(typed if first else f"{self.fields['text']}*{typed}")

    def end(self, why: str = "left") -> Sent | None:
        fields = self.fields | {
            "date": "2026-11-21 09:30:00",
            "status": _STATUS[why],
            "cost": "0",
            "durationInMillis": "15000",
            "hopsCount": str(self._hops),
            "input": self.fields["text"],
            "lastAppResponse": self._last,
        }
        del fields["text"]
        if why == "failed":
            fields["errorMessage"] = "No answer"
        return self._form(fields, "/events")

    def encode(self, fields: Mapping[str, Any]) -> Sent:
        return self._form(fields, "")

    def read(self, status: int, body: bytes) -> Shown:
        verb, blank, screen = body.decode().partition(" ")
        if status != 200 or verb not in ("CON", "END") or not blank:
            raise Upset(f"{status} {body[:100]!r}")
        self._last = body.decode()
        return Shown(screen, verb == "CON")

    def _say(self, text: str) -> Sent:
        self._hops += 1
        self.fields = self.fields | {"text": text}
        return self.encode(self.fields)

    @staticmethod
    def _form(fields: Mapping[str, Any], path: str) -> Sent:
        body = urlencode({name: str(value) for name, value in fields.items()}, errors="surrogatepass")
        return Sent(body.encode(), "application/x-www-form-urlencoded", path)
