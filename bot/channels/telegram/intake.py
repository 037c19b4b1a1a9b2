"""How updates come in: by webhook or by long polling, both into the same inbox.

An update is acknowledged only after `receive` has committed it: the webhook answers 200 afterwards,
the poll raises its offset afterwards. Repeats are the inbox's business. Nothing is handled here.
Source: Telegram Bot API, "Getting updates" and setWebhook, November 2026.
"""

import asyncio
import hmac
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec
import structlog
from telegram.error import Conflict, InvalidToken

from bot.channels.base import RetryLater
from bot.channels.telegram.client import CALL_FAILURES, Flooded, TelegramBot
from bot.channels.telegram.errors import detail_of, read_error
from bot.channels.telegram.reading import read_update_id

__all__ = [
    "ALLOWED_UPDATES",
    "SECRET_HEADER",
    "WEBHOOK_PATH",
    "UpdateAccepted",
    "Bad",
    "Commands",
    "Receive",
    "accept_webhook",
    "check_secret",
    "poll",
    "set_up",
    "webhook_address",
]

WEBHOOK_PATH: Final = "/telegram/webhook"
SECRET_HEADER: Final = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105  a header's name
# Sent with every setWebhook and getUpdates: left out, Telegram keeps whatever was set before.
ALLOWED_UPDATES: Final = ("message", "callback_query", "my_chat_member")

_log = structlog.get_logger(__name__)
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{1,256}", re.ASCII)
_LONGEST_PAUSE_S: Final = 30.0
# A server that answers an empty long poll faster than this does not wait; we do, or the loop spins.
_QUICK_S: Final = 0.5
_QUICK_PAUSE_S: Final = 0.3
# A long poll that breaks now and then is no news.
_SURE: Final = 3
# After a week without updates their ids start anywhere, so an offset older than this may lie beyond them.
_OFFSET_LASTS_S: Final = 6 * 86_400.0

# (update id, chat, raw bytes) to whether it is new; returns only when it is kept for good.
Receive: TypeAlias = Callable[[int, str, bytes], Awaitable[bool]]
# (language, ((command, description), ...)); the language "" is for everybody else.
Commands: TypeAlias = Sequence[tuple[str, Sequence[tuple[str, str]]]]


class UpdateAccepted(msgspec.Struct, frozen=True):
    """Kept: answer 200. `fresh` False: it was known already."""

    update_id: int
    fresh: bool


class Bad(msgspec.Struct, frozen=True):
    """No update: answer 400 with `why`."""

    why: str


def check_secret(headers: Mapping[str, str], secret: str) -> bool:
    """Whether the request carries our secret, compared in constant time. Without a secret: never."""
    wanted = SECRET_HEADER.lower()
    given = next((value for name, value in headers.items() if name.lower() == wanted), "")
    same = hmac.compare_digest(given.encode("utf-8", "surrogateescape"), secret.encode())
    return same and bool(secret)


async def accept_webhook(raw: bytes, receive: Receive) -> UpdateAccepted | Bad:
    """Keep the update in `raw`. What `receive` raises goes through: answer 503, Telegram sends it again."""
    head = read_update_id(raw)
    if head is None:
        return Bad("not an update")
    return UpdateAccepted(head.update_id, await receive(head.update_id, head.chat, raw))


async def poll(
    bot: TelegramBot,
    receive: Receive,
    *,
    wait_s: int = 25,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    monotonic: Callable[[], float] = time.monotonic,
    told: Callable[[str], None] = lambda problem: None,
) -> None:
    """Fetch updates until cancelled; errors are logged and tried again with growing pauses. `told` hears what
    is wrong, once it has been so for a while, and "" each time nothing is.

    A batch is confirmed by the next request's offset, so a crash between fetching and keeping loses
    nothing: it comes again.
    """
    offset: int | None = None
    last_s = monotonic()
    webhook_gone = False
    failures = 0
    while True:
        try:
            if not webhook_gone:
                await bot.call("deleteWebhook", drop_pending_updates=False)
                webhook_gone = True
            asked_s = monotonic()
            if asked_s - last_s > _OFFSET_LASTS_S:
                offset = None
            batch = await bot.call(
                "getUpdates", wait_s=wait_s, offset=offset, timeout=wait_s, allowed_updates=ALLOWED_UPDATES
            )
            if not isinstance(batch, list):
                raise TypeError("getUpdates did not give a list")
            moved = False
            for update in batch:
                kept = await _keep(update, receive)
                if kept is not None:
                    # Not the greatest so far: ids may have started anew, lower than before.
                    offset, moved, last_s = kept + 1, True, monotonic()
            failures = 0
            told("")
            if not moved and (batch or monotonic() - asked_s < _QUICK_S):
                await sleep(_QUICK_PAUSE_S)
        except Exception as error:
            # Whatever it is, the store or the network, the bot must not fall silent.
            failures += 1
            webhook_gone = webhook_gone and not isinstance(error, Conflict)
            pause_s = _pause(error, failures)
            _report(error, pause_s)
            if failures >= _SURE or isinstance(error, Conflict | InvalidToken):
                told(detail_of(error))
            await sleep(pause_s)


async def _keep(update: Any, receive: Receive) -> int | None:
    """The id of the update, kept; None for something that is not an update."""
    raw = json.dumps(update).encode()
    head = read_update_id(raw)
    if head is None:
        _log.warning("telegram_update_unreadable")
        return None
    await receive(head.update_id, head.chat, raw)
    return head.update_id


def _pause(error: Exception, failures: int) -> float:
    growing_s = min(2.0 ** min(failures - 1, 10), _LONGEST_PAUSE_S)
    if isinstance(error, Flooded | InvalidToken):
        meaning = read_error(error, repeatable=True)
        return max(growing_s, meaning.after_s) if isinstance(meaning, RetryLater) else growing_s
    return growing_s


def _report(error: Exception, pause_s: float) -> None:
    detail = detail_of(error)
    if isinstance(error, Conflict):
        _log.error(
            "telegram_poll_conflict",
            hint="another process polls with this token, or a webhook was set meanwhile",
            error=detail,
            pause_s=pause_s,
        )
    elif isinstance(error, InvalidToken):
        _log.error("telegram_token_refused", method="getUpdates", error=detail, pause_s=pause_s)
    else:
        _log.warning("telegram_poll_failed", error=detail, pause_s=pause_s)


def webhook_address(public_url: str) -> str:
    """Where Telegram is to bring its updates."""
    return public_url.rstrip("/") + WEBHOOK_PATH


async def set_up(
    bot: TelegramBot,
    mode: str,
    *,
    public_url: str = "",
    secret: str = "",
    commands: Commands = (),
) -> None:
    """Tell Telegram where updates go (`mode`: webhook or polling) and what the bot understands.

    Updates waiting at Telegram are never dropped. Raises ValueError for settings that cannot work
    and ChannelError where Telegram does not answer; a refused command list is only logged.
    """
    if mode == "webhook":
        if not _SECRET.fullmatch(secret):
            raise ValueError("the webhook secret must be 1 to 256 of A-Z a-z 0-9 _ -")
        if not public_url:
            raise ValueError("a webhook needs the public address")
        await _call(
            bot,
            "setWebhook",
            url=webhook_address(public_url),
            secret_token=secret,
            allowed_updates=ALLOWED_UPDATES,
            drop_pending_updates=False,
        )
    elif mode == "polling":
        await _call(bot, "deleteWebhook", drop_pending_updates=False)
    else:
        raise ValueError("the mode is webhook or polling")
    for language, listed in _command_lists(commands):
        wire = [{"command": name.removeprefix("/"), "description": says} for name, says in listed]
        try:
            await bot.call("setMyCommands", commands=wire, language_code=language or None)
        except CALL_FAILURES as error:
            _log.warning("telegram_commands_refused", language=language, error=detail_of(error))


def _command_lists(commands: Commands) -> list[tuple[str, Sequence[tuple[str, str]]]]:
    """One list for each two-letter language, and one for everybody else: the first, unless given.

    Somebody whose app speaks a language without a list gets the list without a language.
    """
    lists = {language.split("-")[0].lower(): listed for language, listed in commands}
    if lists:
        lists.setdefault("", next(iter(lists.values())))
    return list(lists.items())


async def _call(bot: TelegramBot, method: str, **parameters: Any) -> None:
    try:
        await bot.call(method, **parameters)
    except CALL_FAILURES as error:
        raise read_error(error, repeatable=True) from error
