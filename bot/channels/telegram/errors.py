"""What each error of the Bot API means for the message that met it: one table, pure.

Telegram tells most 400s apart by their sentence alone, so sentences are compared, in lower case.
Source: Telegram Bot API, "Making requests" and ResponseParameters; the sentences as users of
the Bot API report them, November 2026.
"""

import re
from typing import Final

import httpx
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    TelegramError,
    TimedOut,
)

from bot.channels.base import ChannelError, Moved, OutcomeUnknown, Refused, RetryLater, Unreachable
from bot.channels.telegram.client import Flooded

__all__ = ["cannot_edit", "cannot_parse", "detail_of", "has_no_thread", "is_unchanged", "read_error"]

# A wrong token is for the operator to mend; asking every few seconds helps nobody.
_WRONG_TOKEN_S: Final = 300.0
_BROKEN_S: Final = 5.0

_UNCHANGED: Final = ("message is not modified",)
_NOT_EDITABLE: Final = ("message to edit not found", "message can't be edited", "message_id_invalid")
_NOT_PARSED: Final = ("can't parse entities",)
_NO_THREAD: Final = ("message thread not found", "topic_deleted", "topic_closed")
_NO_CHAT: Final = (
    "chat not found",
    "user not found",
    "peer_id_invalid",
    "no rights to send",
    "not enough rights to send",
)
# These end before a byte of the request is out.
_NEVER_LEFT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
_TOKEN: Final = re.compile(r"\d+:[A-Za-z0-9_-]{6,}", re.ASCII)
_LONG_NUMBER: Final = re.compile(r"\d{5,}", re.ASCII)


def is_unchanged(error: Exception) -> bool:
    """The edit was made before: the message already reads as it should."""
    return _says(error, _UNCHANGED)


def cannot_edit(error: Exception) -> bool:
    """There is no message any more that could be edited."""
    return _says(error, _NOT_EDITABLE)


def cannot_parse(error: Exception) -> bool:
    """The text was taken for broken HTML."""
    return _says(error, _NOT_PARSED)


def has_no_thread(error: Exception) -> bool:
    """The topic that the message was to go to is not there any more."""
    return _says(error, _NO_THREAD)


def read_error(error: Exception, *, repeatable: bool) -> ChannelError:
    """What to do about a failed call.

    `repeatable`: doing it twice does no harm (an edit). A message that may have gone is not.
    """
    detail = detail_of(error)
    match error:
        case Flooded():
            # The pause may be the bot's or the chat's own, and Telegram does not say whose.
            return RetryLater(detail, after_s=error.after_s, limited=True)
        case ChatMigrated():
            return Moved(detail, to=str(error.new_chat_id))
        case Forbidden():
            return Unreachable(detail)
        case InvalidToken():
            return RetryLater(detail, after_s=_WRONG_TOKEN_S)
        case BadRequest():
            return Unreachable(detail) if _says(error, _NO_CHAT) else Refused(detail)
        case Conflict():
            return RetryLater(detail, after_s=_BROKEN_S)
    if repeatable or not _may_have_gone(error):
        return RetryLater(detail, after_s=_BROKEN_S)
    return OutcomeUnknown(detail)


def detail_of(error: Exception) -> str:
    """The error in one short line for the log, without token and long numbers."""
    text = " ".join(str(error).split())
    text = _LONG_NUMBER.sub("***", _TOKEN.sub("***", text))
    return f"{type(error).__name__}: {text}"[:160]


def _may_have_gone(error: Exception) -> bool:
    """Whether the message may be in the chat although the call failed.

    A 5xx says that it is not. A connection that broke, or ran out of time, after the request was
    out says nothing; neither does a good status with a reply nobody can read.
    """
    cause = error.__cause__
    if isinstance(cause, httpx.TransportError):
        return not isinstance(cause, _NEVER_LEFT)
    return isinstance(error, TimedOut) or type(error) is TelegramError or not isinstance(error, TelegramError)


def _says(error: Exception, sentences: tuple[str, ...]) -> bool:
    if not isinstance(error, BadRequest):
        return False
    said = str(error).lower()
    return any(sentence in said for sentence in sentences)
