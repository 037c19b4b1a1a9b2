"""Ends approvals that nobody decided in their time, and has whoever asked told, in the same commit."""

import asyncio
from collections.abc import Callable
from typing import Final, NoReturn

import structlog

from bot.notifications.approval_messages import approval_ended
from bot.runtime.clock import Clock, Ids
from bot.runtime.loops import is_due, keep_going
from bot.store.base import Change, Conflict, ExpireApproval, Store
from bot.store.records import ApprovalRow, ApprovalState

__all__ = ["ApprovalKeeper"]

_log = structlog.get_logger("approval")

_AT_ONCE: Final = 16
_IDLE_S: Final = 30.0
# What ran out longer ago is no news: nobody has waited for it since.
_NEWS_MS: Final = 7 * 24 * 3600_000


class ApprovalKeeper:
    """Looks for approvals whose time is over. `on_told` is called when messages have been queued."""

    def __init__(self, store: Store, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._woken = asyncio.Event()
        self.on_told: Callable[[], None] = lambda: None

    async def run(self) -> NoReturn:
        await keep_going("approvals", self._woken, self._round)

    async def _round(self) -> float:
        await self.drain()
        due_ms = await self._store.next_approval_ms()
        if due_ms is None:
            return _IDLE_S
        return min(max((due_ms - self._clock()) / 1000, 0.1), _IDLE_S)

    async def drain(self) -> int:
        """End all whose time is over now; how many."""
        ended = 0
        while is_due(await self._store.next_approval_ms(), self._clock()):
            rows = await self._store.approvals_over(self._clock(), _AT_ONCE)
            for row in rows:
                ended += await self._end(row)
            if len(rows) < _AT_ONCE:
                break
        return ended

    async def _end(self, row: ApprovalRow) -> bool:
        now_ms = self._clock()
        changes: list[Change] = [ExpireApproval(row.id, now_ms)]
        if now_ms - row.expires_ms < _NEWS_MS:
            prompts = await self._store.messages_of_order(row.request.id)
            changes += approval_ended(
                row, ApprovalState.EXPIRED, prompts, now_ms=now_ms, new_id=self._ids.uuid
            )
        try:
            await self._store.commit(changes)
        except Conflict:
            # Decided in its last moment, or ended by another process.
            return False
        _log.info("approval ran out", approval=row.id)
        self.on_told()
        return True
