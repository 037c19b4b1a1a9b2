"""Bearer tokens by product: bought once for all who wait, renewed before they end, never printed."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Final

from bot.providers.base import Grant, NotSent, ProviderError

__all__ = ["Tokens"]

# MTN asks callers to renew ten minutes before the end; a token of a shorter life at half of it.
_EARLY_S: Final = 600.0
# After a failed renewal of a token that is still good, leave the provider alone for a while.
_RETRY_S: Final = 30.0


class _Held:
    __slots__ = ("ends_at", "renew_at", "text")

    def __init__(self, grant: Grant, now: float) -> None:
        life_s = max(grant.lives_s, 0.0)
        self.text = grant.token.reveal()
        self.ends_at = now + life_s
        self.renew_at = now + life_s - min(_EARLY_S, life_s / 2)


class Tokens:
    """The cache. A purchase is its own task, so a caller with a short deadline leaves without ending it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._held: dict[Hashable, _Held] = {}
        self._buying: dict[Hashable, asyncio.Task[str]] = {}

    async def get(self, key: Hashable, buy: Callable[[], Awaitable[Grant]]) -> str:
        """A token for `key`; raises what `buy` raises. Between renewal and end the old one serves on."""
        held, now = self._held.get(key), self._clock()
        if held is not None and now < held.renew_at:
            return held.text
        task = self._buying.get(key)
        if task is None:
            task = asyncio.create_task(self._buy(key, buy))
            self._buying[key] = task
            task.add_done_callback(lambda done: self._bought(key, done))
        if held is not None and now < held.ends_at:
            return held.text
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if caller is not None and caller.cancelling():
                raise
            raise NotSent("no token: the sender is closed") from None

    def drop(self, key: Hashable, text: str) -> None:
        """Forget the token that was just refused, unless a newer one took its place."""
        held = self._held.get(key)
        if held is not None and held.text == text:
            del self._held[key]

    async def aclose(self) -> None:
        """End purchases under way."""
        tasks = list(self._buying.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _buy(self, key: Hashable, buy: Callable[[], Awaitable[Grant]]) -> str:
        try:
            held = _Held(await buy(), self._clock())
        except ProviderError:
            old = self._held.get(key)
            if old is not None:
                old.renew_at = self._clock() + _RETRY_S
            raise
        self._held[key] = held
        return held.text

    def _bought(self, key: Hashable, task: asyncio.Task[str]) -> None:
        if self._buying.get(key) is task:
            del self._buying[key]
        if not task.cancelled():
            task.exception()  # retrieved, though nobody may have waited
