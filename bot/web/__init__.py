"""aiohttp: the endpoints of gateways, chats and providers, and the pages."""

from bot.web.app import build_web
from bot.web.background import ROOM
from bot.web.parts import (
    Bounds,
    GatewayEntry,
    Limits,
    PhoneCall,
    PhoneRequest,
    PhoneScreen,
    TryCustomer,
    TryIt,
    TryMerchant,
    TryStaff,
    WebParts,
)
from bot.web.room import backlog_for, bounds_for
from bot.web.server import make_runner

__all__ = [
    "ROOM",
    "Bounds",
    "GatewayEntry",
    "Limits",
    "TryCustomer",
    "PhoneCall",
    "PhoneRequest",
    "PhoneScreen",
    "TryIt",
    "TryMerchant",
    "TryStaff",
    "WebParts",
    "backlog_for",
    "bounds_for",
    "build_web",
    "make_runner",
]
