"""Connects to Telegram, keeps connected, and reports the connection in the log and the metrics.

The chats of a bot that is not connected are silent, and nothing else shows that: so every reason is told in
Telegram's own words. USSD and the web chat go on, so this never makes the process unready.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from bot.channels.telegram import (
    Commands,
    TelegramChannel,
    connection_error,
    poll,
    set_up,
    webhook_address,
    webhook_problem,
)
from bot.conversations.telegram_inbox import TelegramInbox
from bot.runtime.clock import Clock
from bot.runtime.metrics import Metrics

__all__ = ["TelegramLink"]

_log = structlog.get_logger("telegram")

_LOOK_S: Final = 60.0
_LONGEST_PAUSE_S: Final = 60.0


class TelegramLink:
    """`problem` says why chats may be silent; empty while all is well. `say` is told of the first outcome,
    and of each change after it."""

    def __init__(
        self,
        channel: TelegramChannel,
        intake: TelegramInbox,
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
            self._tell(connection_error(error))
            return False
        self._tell("")
        return True

    async def look(self) -> None:
        """Ask Telegram how the webhook fares: what it is refused by us is seen there alone."""
        try:
            info = await self._channel.bot.call("getWebhookInfo")
        except Exception as error:
            self._tell(connection_error(error))
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
