"""What each gateway sends, for the contract suite: one small class per gateway.

A new gateway adds a class here and passes; the figures are invented.
"""

import json
from abc import ABC, abstractmethod
from typing import Any, ClassVar
from urllib.parse import urlencode

from bot.channels.ussd import GATEWAYS, Gateway, WireRequest

SESSION_ID = "ATUid_0123456789abcdef0123456789abcdef"
MSISDN = "+233240000001"


def post(content: bytes, content_type: str, path: str = "", method: str = "POST") -> WireRequest:
    return WireRequest(method, path, (), {"content-type": content_type}, content)


class Case(ABC):
    """The requests of a dialogue, and the ways in which one can be broken."""

    name: ClassVar[str]
    # Whether the gateway itself says that a session begins.
    says_new: ClassVar[bool]
    cumulative: ClassVar[bool]
    # The fields without which nobody can be answered, and those that may be missing.
    id_field: ClassVar[str]
    number_field: ClassVar[str]
    text_field: ClassVar[str]

    @property
    def gateway(self) -> Gateway:
        return GATEWAYS[self.name]

    @abstractmethod
    def fields(self, typed: list[str]) -> dict[str, Any]:
        """The fields of a request after `typed`; none typed is the dial."""

    @abstractmethod
    def build(self, fields: dict[str, Any], path: str = "") -> WireRequest: ...

    @abstractmethod
    def end(self) -> WireRequest: ...

    @abstractmethod
    def reply(self, text: str, *, keep_open: bool) -> bytes:
        """The bytes the gateway is to get."""

    def dial(self) -> WireRequest:
        return self.build(self.fields([]))

    def answer(self, *typed: str) -> WireRequest:
        return self.build(self.fields(list(typed)))


class AfricasTalkingCase(Case):
    name = "africastalking"
    says_new = False
    cumulative = True
    id_field = "sessionId"
    number_field = "phoneNumber"
    text_field = "text"

    def fields(self, typed: list[str]) -> dict[str, Any]:
        return {
            "sessionId": SESSION_ID,
            "phoneNumber": MSISDN,
            "networkCode": "62001",
            "serviceCode": "*920*10#",
            "text": "*".join(typed),
        }

    def build(self, fields: dict[str, Any], path: str = "") -> WireRequest:
        form = urlencode({name: str(value) for name, value in fields.items()}, errors="surrogatepass")
        return post(form.encode(), "application/x-www-form-urlencoded", path)

    def end(self) -> WireRequest:
        event = {
            "date": "2026-11-21 09:30:00",
            "sessionId": SESSION_ID,
            "serviceCode": "*920*10#",
            "networkCode": "62001",
            "phoneNumber": MSISDN,
            "status": "Incomplete",
            "cost": "GHS 0.05",
            "durationInMillis": "15000",
            "hopsCount": "2",
            "input": "1*50",
            "lastAppResponse": "CON Amount?",
        }
        return self.build(event, "/events")

    def reply(self, text: str, *, keep_open: bool) -> bytes:
        return (("CON " if keep_open else "END ") + text).encode()


class HubtelCase(Case):
    name = "hubtel"
    says_new = True
    cumulative = False
    id_field = "SessionId"
    number_field = "Mobile"
    text_field = "Message"

    def fields(self, typed: list[str]) -> dict[str, Any]:
        return {
            "Type": "response" if typed else "initiation",
            "Message": typed[-1] if typed else "*920*10#",
            "ServiceCode": "920*10",
            "Operator": "mtn",
            "Platform": "USSD",
            "ClientState": "",
            "Mobile": MSISDN.removeprefix("+"),
            "SessionId": SESSION_ID,
            "Sequence": len(typed) + 1,
        }

    def build(self, fields: dict[str, Any], path: str = "") -> WireRequest:
        return post(json.dumps(fields).encode(), "application/json", path)

    def end(self) -> WireRequest:
        return self.build(self.fields(["1"]) | {"Type": "release", "Message": ""})

    def reply(self, text: str, *, keep_open: bool) -> bytes:
        kind, shows = ("response", "input") if keep_open else ("release", "display")
        return (
            f'{{"Type":"{kind}","Message":{json.dumps(text, ensure_ascii=False)},"Label":"Kasapay",'
            f'"DataType":"{shows}","FieldType":"text"}}'
        ).encode()


CASES: tuple[Case, ...] = (AfricasTalkingCase(), HubtelCase())
