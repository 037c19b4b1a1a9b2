"""Updates the metrics that no event would update: whether we are ready, and what waits in the store.

Without it they would be as old as the last look at `/readyz`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NoReturn

from bot.runtime.clock import Clock
from bot.runtime.loops import keep_going
from bot.runtime.metrics import Metrics
from bot.store.base import Store

__all__ = ["take_figures", "watch_figures"]

_ROUND_S: Final = 15.0


async def take_figures(store: Store, metrics: Metrics, clock: Clock) -> None:
    """Count once. A label whose count has gone goes too."""
    found = await store.figures()
    now_ms = clock()
    for gauge in (
        metrics.open_orders,
        metrics.oldest_order_s,
        metrics.doubtful_agreements,
        metrics.incidents,
        metrics.dead_messages,
        metrics.waiting_messages,
    ):
        gauge.clear()
    for at, (orders, oldest_ms) in found.open_orders.items():
        metrics.open_orders.labels(*at).set(orders)
        metrics.oldest_order_s.labels(*at).set(max(0, now_ms - oldest_ms) / 1000)
    for account_id, agreements in found.doubtful_agreements.items():
        metrics.doubtful_agreements.labels(account_id).set(agreements)
    for kind, incidents in found.incidents.items():
        metrics.incidents.labels(kind).set(incidents)
    metrics.last_incident_s.set(found.last_incident_ms / 1000)
    for about, messages in found.dead_messages.items():
        metrics.dead_messages.labels(*about).set(messages)
    for channel, messages in found.waiting_messages.items():
        metrics.waiting_messages.labels(channel).set(messages)


async def watch_figures(
    store: Store, metrics: Metrics, clock: Clock, problems: Callable[[], Awaitable[Sequence[str]]]
) -> NoReturn:
    """Count four times a minute, for ever. `problems` says, and notes, what keeps payments from starting."""

    async def once() -> float:
        if not await problems():
            await take_figures(store, metrics, clock)
        return _ROUND_S

    await keep_going("figures", asyncio.Event(), once)
