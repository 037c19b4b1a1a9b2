"""What the tests of gateways share: an adapter as it is built, its simulator, and how the two meet."""

from typing import Any
from urllib.parse import parse_qsl

from bot.channels.ussd import GATEWAYS, Gateway, WireRequest
from bot.sandbox.gateways import GatewaySimulator, Sent, simulator_of

CODE = "*920*10#"


def gateway_of(name: str, **options: Any) -> Gateway:
    """The adapter with these settings, on our service code where none says otherwise."""
    adapter = GATEWAYS[name]
    return adapter(adapter.options.model_validate({"code": CODE} | options))


def simulate(name: str, msisdn: str, session: str = "") -> GatewaySimulator:
    return simulator_of(name)(CODE, msisdn, session)


def arrived(sent: Sent) -> WireRequest:
    """A simulator's request as the entrance hands it to the adapter."""
    query = tuple(parse_qsl(sent.query, keep_blank_values=True))
    return WireRequest(sent.method, sent.path, query, {"content-type": sent.content_type}, sent.body)


def dialled(*args: str) -> str:
    """The service code with answers behind it."""
    return f"{CODE[:-1]}*{'*'.join(args)}#" if args else CODE
