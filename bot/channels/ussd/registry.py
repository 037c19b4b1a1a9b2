"""Every gateway we speak, by the name in its URL."""

from typing import Final

from bot.channels.ussd.africastalking import AfricasTalking
from bot.channels.ussd.base import Gateway
from bot.channels.ussd.hubtel import Hubtel

__all__ = ["GATEWAYS"]

GATEWAYS: Final[dict[str, type[Gateway]]] = {
    "africastalking": AfricasTalking,
    "hubtel": Hubtel,
}
