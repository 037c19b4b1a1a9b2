"""Whether Telegram and we reach each other: the sentences that say why not. Pure."""

from typing import Any, Final

from bot.channels.base import ChannelError
from bot.channels.telegram.errors import detail_of

__all__ = ["connection_error", "webhook_problem"]

# An error that Telegram met longer ago says nothing about now.
_LATELY_S: Final = 600


def connection_error(error: Exception) -> str:
    """What Telegram, or we ourselves, said; without the token."""
    if isinstance(error, ChannelError):
        return error.detail or type(error).__name__
    return str(error) if isinstance(error, ValueError) else detail_of(error)


def webhook_problem(info: Any, address: str, now_s: int) -> str:
    """What getWebhookInfo shows to be wrong; empty where nothing is."""
    known = info if isinstance(info, dict) else {}
    if known.get("url") != address:
        return "the webhook is set to another address: does another process use this token?"
    failed_s, words = known.get("last_error_date"), known.get("last_error_message")
    if isinstance(failed_s, int) and now_s - failed_s < _LATELY_S and known.get("pending_update_count"):
        return f"Telegram cannot deliver to our webhook: {detail_of(ValueError(words)).partition(': ')[2]}"
    return ""
