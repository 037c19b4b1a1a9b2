"""Plain HTTP clients that play the gateways, byte for byte; they know nothing of ours."""

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

import aiohttp

CODE = "*920*10#"


@dataclass(frozen=True)
class Reply:
    """`screen` and `open` as the gateway understands the bytes in `raw`."""

    raw: bytes
    screen: str
    open: bool


class GatewayUpset(Exception):
    """The gateway would have shown its own error to the person."""


@dataclass
class AfricasTalking:
    """Posts a form with all input so far; `CON ` or `END ` comes back."""

    http: aiohttp.ClientSession
    url: str
    msisdn: str
    session: str = field(default_factory=lambda: f"ATUid_{uuid.uuid4().hex}")
    text: str = ""

    def request(self) -> dict[str, Any]:
        form = {
            "sessionId": self.session,
            "phoneNumber": self.msisdn,
            "networkCode": "62001",
            "serviceCode": CODE,
            "text": self.text,
        }
        return {"data": form}

    async def deliver(self, request: dict[str, Any]) -> Reply:
        async with self.http.post(self.url, **request) as answer:
            raw = await answer.read()
        kind, _, screen = raw.decode().partition(" ")
        if answer.status != 200 or kind not in ("CON", "END"):
            raise GatewayUpset(f"{answer.status} {screen[:100]}")
        assert answer.content_type == "text/plain"
        return Reply(raw, screen, kind == "CON")

    def next(self, typed: str | None) -> dict[str, Any]:
        """The request for what was typed; None dials."""
        if typed is not None:
            self.text = f"{self.text}*{typed}" if self.text else typed
        return self.request()

    async def say(self, typed: str | None) -> Reply:
        return await self.deliver(self.next(typed))


@dataclass
class Hubtel:
    """Posts JSON with the newest input and a sequence number; `response` or `release` comes back."""

    http: aiohttp.ClientSession
    url: str
    msisdn: str
    session: str = field(default_factory=lambda: uuid.uuid4().hex)
    sequence: int = 0

    def next(self, typed: str | None, kind: str = "") -> dict[str, Any]:
        self.sequence += 1
        body = {
            "Type": kind or ("initiation" if typed is None else "response"),
            "Message": CODE if typed is None else typed,
            "ServiceCode": CODE.strip("*#"),
            "Operator": "mtn",
            "Mobile": self.msisdn.removeprefix("+"),
            "SessionId": self.session,
            "Sequence": self.sequence,
            "ClientState": "",
            "Platform": "USSD",
        }
        return {"json": body}

    async def deliver(self, request: dict[str, Any]) -> Reply:
        async with self.http.post(self.url, **request) as answer:
            raw = await answer.read()
        if answer.status != 200:
            raise GatewayUpset(f"{answer.status} {raw[:100]!r}")
        body = json.loads(raw)
        assert set(body) >= {"Type", "Message", "Label", "DataType", "FieldType"}
        assert body["Type"] in ("response", "release")
        return Reply(raw, body["Message"], body["Type"] == "response")

    async def say(self, typed: str | None) -> Reply:
        return await self.deliver(self.next(typed))


PLAYERS = {"africastalking": AfricasTalking, "hubtel": Hubtel}
Player = AfricasTalking | Hubtel
