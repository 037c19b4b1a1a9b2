"""Tells a merchant's staff how many payments there were: after quiet hours, and once a day where there are
many. The sum is worked out from the orders when it is told."""

import asyncio
from collections.abc import Callable
from typing import Final, NoReturn

from bot.notifications.announcements import count_notices
from bot.orders.context_loader import staff_targets
from bot.runtime.clock import Clock, Ids
from bot.runtime.loops import is_due, keep_going
from bot.runtime.timeouts import Timeouts
from bot.settings.limits import AnnounceLimits
from bot.store.base import Change, Conflict, Store, TellHeldBack
from bot.store.records import AnnouncingRow

__all__ = ["Announcer"]

_AT_ONCE: Final = 64
_IDLE_S: Final = 30.0


class Announcer:
    """Looks for counts that are due. `on_told` is called when messages have been queued."""

    def __init__(
        self, store: Store, clock: Clock, ids: Ids, timeouts: Timeouts, limits: AnnounceLimits
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._timeouts = timeouts
        self._limits = limits
        self._woken = asyncio.Event()
        self.on_told: Callable[[], None] = lambda: None

    async def run(self) -> NoReturn:
        await keep_going("announcements", self._woken, self._round)

    async def _round(self) -> float:
        await self.drain()
        due_ms = await self._store.next_announcing_ms()
        if due_ms is None:
            return _IDLE_S
        return min(max((due_ms - self._clock()) / 1000, 0.1), _IDLE_S)

    async def drain(self) -> int:
        """Tell all that is due now; how many."""
        told = 0
        while is_due(await self._store.next_announcing_ms(), self._clock()):
            rows = await self._store.announcing_due(self._clock(), _AT_ONCE)
            told += sum([await self._tell(row) for row in rows])
            if len(rows) < _AT_ONCE:
                break
        return told

    async def _tell(self, row: AnnouncingRow) -> bool:
        now_ms, due_ms = self._clock(), row.due_ms or 0
        held = await self._store.held_back(row.staff_id)
        changes: list[Change] = [
            TellHeldBack(row.staff_id, due_ms, held.last, self._limits.most_an_hour, now_ms)
        ]
        staff = await self._store.staff_member(row.staff_id)
        merchant = await self._store.merchant(staff.merchant_id) if staff is not None else None
        if staff is not None and merchant is not None:
            owner = await self._store.person_of(staff.address_kind, staff.address_value)
            addresses = await self._store.addresses_of(owner[0].id) if owner is not None else ()
            targets = staff_targets(
                staff, owner[0].id if owner is not None else "", addresses, now_ms, self._timeouts
            )
            changes += count_notices(
                merchant.shown,
                row.staff_id,
                targets,
                held.sums,
                held.since_ms,
                due_ms,
                now_ms,
                self._ids.uuid,
            )
        try:
            await self._store.commit(changes)
        except Conflict:
            return False  # another process told it
        self.on_told()
        return True
