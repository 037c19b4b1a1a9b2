"""Trouble on purpose: a store that breaks at one of its writes, a provider that cannot be reached in time.

`Killed` stands for `kill -9`: it unwinds everything, like no exception a program could mean.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from bot.providers import Account, Sender
from bot.providers.base import Call
from bot.store.base import SettleMessage, Store, StoreUnavailable
from bot.store.records import OrderRow
from tests.conversations.people import Phone
from tests.conversations.robot import Robot
from tests.conversations.stage import EFUA, Stage, open_stage

__all__ = [
    "WRITES",
    "Break",
    "BreakingSender",
    "BreakingStore",
    "Gate",
    "Killed",
    "boundaries",
    "break_each",
    "open_breaking",
    "open_cut_off",
]

_SHARE: Final = 3

WRITES = frozenset(
    {
        "commit",
        "claim_agreements",
        "claim_orders",
        "claim_rechecks",
        "claim_messages",
        "claim_updates",
        "count",
        "hint",
        "learn",
        "receive",
        "release_update",
    }
)


class Killed(BaseException):
    """The process is gone."""


class Break:
    """Breaks once: at the `at`-th step counted, before or after it was carried out. Nothing is counted
    while it is not `armed`."""

    def __init__(self, at: int, *, after: bool, error: Callable[[], BaseException] = Killed) -> None:
        self.at = at
        self.after = after
        self.error = error
        self.count = 0
        self.broke = ""
        self.sent_and_lost = False
        self.armed = True

    async def around(self, name: str, step: Callable[[], Any], args: tuple[Any, ...] = ()) -> Any:
        if not self.armed:
            return await step()
        if name.startswith("claim_"):
            # Before a claim is behind the last commit; and one that finds nothing changes nothing.
            result = await step()
            if result and self.after:
                self.count += 1
                if self.count == self.at:
                    self.broke = name
                    raise self.error()
            return result
        self.count += 1
        if self.count != self.at:
            return await step()
        self.broke = name
        if not self.after:
            # A message has left, and nobody will remember it.
            self.sent_and_lost = any(isinstance(change, SettleMessage) for change in (args[:1] or ((),))[0])
            raise self.error()
        await step()
        raise self.error()


class BreakingStore:
    """A store whose writes are counted by a `Break`; everything else is the store's own."""

    def __init__(self, inner: Store, plan: Break) -> None:
        self._inner = inner
        self._plan = plan

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if name not in WRITES:
            return method

        async def counted(*args: Any, **more: Any) -> Any:
            return await self._plan.around(
                name, lambda: method(*args, **more), args if name == "commit" else ()
            )

        return counted


class BreakingSender:
    """A sender whose calls are counted by a `Break`."""

    def __init__(self, inner: Sender, plan: Break) -> None:
        self._inner = inner
        self._plan = plan

    async def send(self, account: Account, call: Call[Any], timeout_s: float) -> Any:
        return await self._plan.around(call.name, lambda: self._inner.send(account, call, timeout_s))

    async def aclose(self) -> None:
        await self._inner.aclose()


class Gate:
    """Where everyone waits until it is opened."""

    def __init__(self) -> None:
        self.waiting = 0
        self._open = asyncio.Event()
        self._came = asyncio.Event()

    async def __call__(self, *_: object) -> None:
        self.waiting += 1
        self._came.set()
        await self._open.wait()

    async def until(self, count: int) -> None:
        """Return once so many wait."""
        while self.waiting < count:
            self._came.clear()
            await self._came.wait()

    def open(self) -> None:
        self._open.set()


def unavailable() -> BaseException:
    return StoreUnavailable("a flush failed on purpose")


def boundaries(count: int) -> Sequence[int]:
    """Which of the boundaries 1 to `count` are broken: each third, so that the whole run stays short, or all
    with KASAPAY_BOUNDARIES=all. What fails is named by its number."""
    if os.environ.get("KASAPAY_BOUNDARIES") == "all":
        return range(1, count + 1)
    return range(1 + count % _SHARE, count + 1, _SHARE)


@asynccontextmanager
async def open_breaking(folder: Path, template: Path, plan: Break, where: str) -> AsyncIterator[Stage]:
    """A stage in a new folder whose store or sender (`where`) breaks as the plan says."""
    folder.mkdir()
    async with open_stage(
        folder,
        template,
        serve=False,
        wrap_store=(lambda store: BreakingStore(store, plan)) if where == "store" else None,
        wrap_sender=(lambda sender: BreakingSender(sender, plan)) if where == "sender" else None,
    ) as stage:
        yield stage


@asynccontextmanager
async def open_cut_off(
    folder: Path, template: Path, *, after: bool
) -> AsyncIterator[tuple[Stage, Phone, OrderRow]]:
    """A payment whose process dies just before or just after its request leaves, with its phone and order."""
    plan = Break(1, after=after)
    async with open_stage(
        folder, template, serve=False, wrap_sender=lambda sender: BreakingSender(sender, plan)
    ) as stage:
        phone = Phone(stage, EFUA)
        await Robot(stage, phone, "1002").pay(until="pay/confirm")
        with pytest.raises(Killed):
            await phone.answer("1")
        yield stage, phone, await stage.order()


async def break_each(
    play: Callable[[Path, Break], Awaitable[str]],
    folder: Path,
    error: Callable[[], BaseException],
    *,
    after: bool,
    least: int,
) -> None:
    """Play once undisturbed to count the boundaries, `least` of them, then once for each of its share. `play`
    says what went wrong, empty where nothing did."""
    count = Break(0, after=after)
    assert await play(folder / "0", count) == ""
    assert count.count >= least
    failures = {}
    for at in boundaries(count.count):
        plan = Break(at, after=after, error=error)
        wrong = await play(folder / str(at), plan)
        assert plan.broke, f"nothing broke at {at} of {count.count}"
        if wrong:
            failures[f"{at} ({plan.broke})"] = wrong
    assert failures == {}
