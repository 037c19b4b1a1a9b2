"""Every gateway we speak, by the name in its URL."""

from typing import Final

from bot.channels.ussd.africastalking import AfricasTalking
from bot.channels.ussd.arkesel import Arkesel
from bot.channels.ussd.base import Gateway
from bot.channels.ussd.hubtel import Hubtel
from bot.channels.ussd.moolre import Moolre
from bot.channels.ussd.nalo import Nalo
from bot.channels.ussd.nsano import Nsano
from bot.channels.ussd.truroute import TruRoute

__all__ = ["GATEWAYS"]

GATEWAYS: Final[dict[str, type[Gateway]]] = {
    "africastalking": AfricasTalking,
    "arkesel": Arkesel,
    "hubtel": Hubtel,
    "moolre": Moolre,
    "nalo": Nalo,
    "nsano": Nsano,
    "truroute": TruRoute,
}
