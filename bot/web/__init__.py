"""aiohttp: the endpoints of gateways, chats and providers, and the pages."""

from bot.web.app import build_web
from bot.web.parts import (
    Callbacks,
    ChatWords,
    GatewayEntry,
    Limits,
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
from bot.web.server import make_runner

__all__ = [
    "Callbacks",
    "ChatWords",
    "GatewayEntry",
    "Limits",
    "SmsReports",
    "Telegram",
    "TryCustomer",
    "TryIt",
    "TryMerchant",
    "TryStaff",
    "Turns",
    "WebParts",
    "Woken",
    "build_web",
    "make_runner",
]
