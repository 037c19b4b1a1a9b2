"""The dialogue of the contract suite, in the words of each gateway's own simulator.

A new gateway needs nothing here: its declared manners and its simulator say all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.channels.ussd import GATEWAYS, Gateway, Manners, WireRequest
from bot.sandbox.gateways import GatewaySimulator, Names
from tests.gateways import arrived, dialled, gateway_of, simulate

SESSION_ID = "0123456789abcdef0123456789abcdef"
MSISDN = "+233240000001"


def post(content: bytes, content_type: str, path: str = "", method: str = "POST") -> WireRequest:
    return WireRequest(method, path, (), {"content-type": content_type}, content)


@dataclass(frozen=True)
class Case:
    """The requests of a dialogue, and the ways in which one can be broken."""

    name: str

    @property
    def gateway(self) -> Gateway:
        return gateway_of(self.name)

    @property
    def manners(self) -> Manners:
        return GATEWAYS[self.name].manners

    @property
    def names(self) -> Names:
        return self.line().names

    def line(self, *typed: str) -> GatewaySimulator:
        """The session after a dial and these answers."""
        line = simulate(self.name, MSISDN, SESSION_ID)
        line.dial(dialled())
        for text in typed:
            line.answer(text)
        return line

    def fields(self, *typed: str) -> dict[str, Any]:
        """The fields of the request after `typed`; none typed is the dial."""
        return dict(self.line(*typed).fields)

    def build(self, fields: Mapping[str, Any]) -> WireRequest:
        return arrived(self.line().encode(fields))

    def dial(self, *args: str) -> WireRequest:
        return arrived(simulate(self.name, MSISDN, SESSION_ID).dial(dialled(*args)))

    def answer(self, *typed: str) -> WireRequest:
        return self.build(self.fields(*typed))

    @property
    def session_id(self) -> str:
        return str(self.fields()[self.names.session])


CASES: tuple[Case, ...] = tuple(Case(name) for name in GATEWAYS)
