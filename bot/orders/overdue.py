"""Backstop: raises an incident for any open order past its deadline that nobody works on.

The worker makes such an order UNRESOLVED, so there should be none. This looks whether that holds, and
depends on nothing the worker depends on but the store.
"""

import asyncio
from typing import Final, NoReturn

import structlog

from bot.notifications.incidents import about_order
from bot.runtime.clock import Clock, Ids
from bot.runtime.loops import keep_going
from bot.runtime.metrics import Metrics
from bot.store.base import Store

__all__ = ["GRACE_S", "raise_overdue", "watch_deadlines", "watch_soundness"]

_log = structlog.get_logger("alarms")

# Longer than a lease, a slow provider call and the pause before the last asking together.
GRACE_S: Final = 600.0
_ROUND_S: Final = 60.0
# The whole file is looked at once a day, with a rest before each table: turns want the disk too.
_EXAMINE_S: Final = 86_400.0
_REST_S: Final = 1.0


async def raise_overdue(store: Store, metrics: Metrics, clock: Clock, ids: Ids) -> int:
    """Count the overdue orders, and raise an incident for each that has none of this kind yet."""
    now_ms = clock()
    orders = await store.overdue(now_ms, int(GRACE_S * 1000))
    metrics.overdue.set(len(orders))
    if orders:
        names = {row.id: row.name for row in await store.merchants()}
        incidents = [
            about_order(
                "overdue",
                order,
                names.get(order.merchant_id, ""),
                id=ids.uuid(),
                now_ms=now_ms,
                said=order.state.value,
            )
            for order in orders
        ]
        await store.commit(incidents)
        _log.error("orders overdue", orders=len(orders), oldest=orders[0].reference)
    return len(orders)


async def watch_deadlines(store: Store, metrics: Metrics, clock: Clock, ids: Ids) -> NoReturn:
    """Look every minute, for ever."""

    async def once() -> float:
        await raise_overdue(store, metrics, clock, ids)
        return _ROUND_S

    await keep_going("alarms", asyncio.Event(), once)


async def watch_soundness(store: Store) -> NoReturn:
    """Have the database look for damage in itself, now and every day; what it finds stops payments."""

    async def once() -> float:
        await store.examine(_REST_S)
        return _EXAMINE_S

    await keep_going("soundness", asyncio.Event(), once)
