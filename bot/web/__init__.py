"""aiohttp: the endpoints of gateways, chats and providers, and the pages."""

from bot.web.app import build_web, runner_options
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
    "runner_options",
]
