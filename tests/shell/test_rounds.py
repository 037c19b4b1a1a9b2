"""What works in rounds never stops by itself."""

import asyncio

import pytest

from bot.runtime.loops import keep_going
from bot.store import StoreUnavailable


@pytest.mark.parametrize("fault", [RuntimeError("one row"), StoreUnavailable("disk full")])
async def test_a_round_that_fails_is_followed_by_the_next(fault: Exception) -> None:
    woken, rounds, done = asyncio.Event(), 0, asyncio.Event()

    async def once() -> float:
        nonlocal rounds
        rounds += 1
        woken.set()
        if rounds == 1:
            raise fault
        if rounds == 3:
            woken.clear()
            done.set()
        return 3600

    task = asyncio.create_task(keep_going("orders", woken, once))
    async with asyncio.timeout(10):
        await done.wait()
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_nothing_is_done_until_woken() -> None:
    woken, rounds, seen = asyncio.Event(), 0, asyncio.Event()

    async def once() -> float:
        nonlocal rounds
        rounds += 1
        seen.set()
        return 3600

    task = asyncio.create_task(keep_going("orders", woken, once))
    async with asyncio.timeout(10):
        await seen.wait()
        assert rounds == 1
        seen.clear()
        woken.set()
        await seen.wait()
    assert rounds == 2
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
