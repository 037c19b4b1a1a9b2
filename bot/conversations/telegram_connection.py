"""Our connection to Telegram: making it, keeping it, and saying in the log and the figures how it fares.

The chats of a bot that is not connected are silent, and nothing else shows that: so every reason is told in
Telegram's own words. USSD and the web chat go on, so this never makes the process unready.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import structlog

from bot.channels.base import ChannelError
from bot.channels.telegram import Commands, TelegramChannel, poll, set_up, webhook_address
from bot.channels.telegram.errors import detail_of
from bot.conversations.telegram_inbox import TelegramIntake
from bot.runtime.clock import Clock
from bot.runtime.metrics import Metrics

__all__ = ["TelegramLink", "telegram_words", "webhook_problem"]

_log = structlog.get_logger("telegram")

_LOOK_S: Final = 60.0
_LONGEST_PAUSE_S: Final = 60.0
# An error that Telegram met longer ago says nothing about now.
_LATELY_S: Final = 600


class TelegramLink:
    """`problem` says why chats may be silent; empty while all is well. `say` is told of the first outcome,
    and of each change after it."""

    def __init__(
        self,
        channel: TelegramChannel,
        intake: TelegramIntake,
        metrics: Metrics,
        clock: Clock,
        *,
        mode: str,
        public_url: str,
        secret: str,
        commands: Commands,
    ) -> None:
        self._channel = channel
        self._intake = intake
        self._connected = metrics.telegram.labels(mode)
        self._connected.set(0)
        self._clock = clock
        self._mode = mode
        self._public_url = public_url
        self._secret = secret
        self._commands = commands
        self._told: str | None = None
        self.problem = "not connected yet"
        self.say: Callable[[str], None] = lambda line: None

    async def run(self) -> None:
        """Tell Telegram where we are, then take its updates, whichever way they come."""
        pause_s = 1.0
        while not await self.connect():
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._intake.run())
            if self._mode == "polling":
                group.create_task(poll(self._channel.bot, self._intake.receive, told=self._tell))
            else:
                group.create_task(self._watch())

    async def connect(self) -> bool:
        """One try; False where it failed, and `problem` says why."""
        try:
            self._intake.bot_username = await self._channel.username()
            await set_up(
                self._channel.bot,
                self._mode,
                public_url=self._public_url,
                secret=self._secret,
                commands=self._commands,
            )
        except Exception as error:
            self._tell(telegram_words(error))
            return False
        self._tell("")
        return True

    async def look(self) -> None:
        """Ask Telegram how the webhook fares: what it is refused by us is seen there alone."""
        try:
            info = await self._channel.bot.call("getWebhookInfo")
        except Exception as error:
            self._tell(telegram_words(error))
            return
        self._tell(webhook_problem(info, webhook_address(self._public_url), self._clock() // 1000))

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            await self.look()

    def _tell(self, problem: str) -> None:
        self.problem = problem
        self._connected.set(0 if problem else 1)
        if problem == self._told:
            return
        self._told = problem
        if problem:
            _log.error("telegram not connected", error=problem)
            self.say(f"Telegram: not connected, trying again: {problem}")
        else:
            _log.info("telegram connected", bot=self._intake.bot_username, mode=self._mode)
            self.say(f"Telegram: @{self._intake.bot_username}, {self._mode}")


def telegram_words(error: Exception) -> str:
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
