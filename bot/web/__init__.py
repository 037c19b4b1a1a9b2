"""aiohttp: the endpoints of gateways, chats and providers, and the pages."""

from bot.web.app import build_web
from bot.web.parts import (
    Bounds,
    Callbacks,
    ChatWords,
    GatewayEntry,
    Limits,
    PhoneCall,
    PhoneRequest,
    PhoneScreen,
    SmsReports,
    Telegram,
    TryCustomer,
    TryIt,
    TryMerchant,
    TryStaff,
    Turns,
    WebParts,
    Woken,
)
from bot.web.room import backlog_for, bounds_for
from bot.web.running import ROOM
from bot.web.server import make_runner

__all__ = [
    "ROOM",
    "Bounds",
    "Callbacks",
    "ChatWords",
    "GatewayEntry",
    "Limits",
    "SmsReports",
    "Telegram",
    "TryCustomer",
    "PhoneCall",
    "PhoneRequest",
    "PhoneScreen",
    "TryIt",
    "TryMerchant",
    "TryStaff",
    "Turns",
    "WebParts",
    "Woken",
    "backlog_for",
    "bounds_for",
    "build_web",
    "make_runner",
]
