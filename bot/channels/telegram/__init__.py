"""Telegram: what its updates mean, how they come in, and how messages go out."""

from bot.channels.telegram.client import DEFAULT_API_URL, TelegramBot, quiet_loggers
from bot.channels.telegram.events import (
    Blocked,
    CardRefused,
    ChatMessage,
    DeadButton,
    Event,
    InGroup,
    NotText,
    Unblocked,
)
from bot.channels.telegram.health import connection_error, webhook_problem
from bot.channels.telegram.intake import (
    ALLOWED_UPDATES,
    SECRET_HEADER,
    WEBHOOK_PATH,
    Bad,
    Commands,
    Receive,
    UpdateAccepted,
    accept_webhook,
    check_secret,
    poll,
    set_up,
    webhook_address,
)
from bot.channels.telegram.reading import Head, read_update, read_update_id
from bot.channels.telegram.sending import TelegramChannel

__all__ = [
    "ALLOWED_UPDATES",
    "DEFAULT_API_URL",
    "SECRET_HEADER",
    "WEBHOOK_PATH",
    "UpdateAccepted",
    "Bad",
    "Blocked",
    "CardRefused",
    "Commands",
    "DeadButton",
    "Event",
    "Head",
    "ChatMessage",
    "InGroup",
    "NotText",
    "Receive",
    "TelegramBot",
    "TelegramChannel",
    "Unblocked",
    "accept_webhook",
    "check_secret",
    "connection_error",
    "poll",
    "quiet_loggers",
    "read_update",
    "read_update_id",
    "set_up",
    "webhook_address",
    "webhook_problem",
]
