"""Second questions about final orders, asked because a provider spoke of one once more.

Mostly it is the callback of a payment that the sweep had settled already; but it may be money that was
paid back, or a success after a failure. However often a provider speaks of an order, it is asked about
once, after the pause that all questions about one order keep.
"""

import contextlib
from collections.abc import Callable
from typing import Final

import structlog

from bot.calls import Calls
from bot.clock import Clock
from bot.contexts import Contexts
from bot.incidents import about_agreement
from bot.metrics import Metrics
from bot.money import ENDED, FINAL, AgreementKind, AgreementState, OrderKind, Source
from bot.providers.base import AgreementWord, ProviderError
from bot.settle import after_recheck
from bot.store.base import Conflict, MoveAgreement, Store
from bot.store.records import AgreementRow, OrderRow
from bot.times import Times

__all__ = ["Rechecks"]

_log = structlog.get_logger("worker")

# More are dropped: reconciliation finds what they would have shown.
_WAITING: Final = 1000


class Rechecks:
    """Which final orders are to be asked about once more, and when. Kept in memory only."""

    def __init__(
        self, store: Store, calls: Calls, contexts: Contexts, clock: Clock, times: Times, metrics: Metrics
    ) -> None:
        self._store = store
        self._calls = calls
        self._contexts = contexts
        self._clock = clock
        self._times = times
        self._metrics = metrics
        self._spacing_ms = int(times.hint_spacing_s * 1000)
        self._waiting: dict[str, tuple[int, Source]] = {}
        self.on_settled: Callable[[], None] = lambda: None

    def note(self, order_id: str, source: Source) -> None:
        """Ask about it after the pause; said again while it waits, it changes nothing."""
        if len(self._waiting) < _WAITING:
            # It may have been asked about a moment ago, so the whole pause is kept.
            self._waiting.setdefault(order_id, (self._clock() + self._spacing_ms, source))

    def next_ms(self) -> int | None:
        """When the next one falls due."""
        return next((due_ms for due_ms, _ in self._waiting.values()), None)

    def take_due(self) -> list[tuple[str, Source]]:
        """Those that are due, each given out once."""
        now_ms = self._clock()
        # A clock that was set back must not keep them waiting.
        due = [
            (order_id, source)
            for order_id, (due_ms, source) in self._waiting.items()
            if due_ms <= now_ms or due_ms > now_ms + self._spacing_ms
        ]
        for order_id, _ in due:
            del self._waiting[order_id]
        return due

    async def ask(self, order_id: str, source: Source) -> None:
        """Raises StoreUnavailable."""
        order = await self._store.order(order_id)
        if order is None or order.state not in FINAL or order.connection not in self._calls.connections:
            return
        if not await self._store.count(f"recheck:{order.id}", self._spacing_ms, self._clock(), 1):
            return
        if order.agreement_id is not None and order.kind is not OrderKind.AGREEMENT_CHARGE:
            # It made an agreement and is over; what is said now is about that: an invoice was paid.
            await self._look_at_agreement(order)
            return
        answer = await self._calls.status(order, self._times.call_s)
        if isinstance(answer, ProviderError):
            return
        settled = after_recheck(order, answer, source, await self._contexts.of(order, fence=order.fence))
        if not settled.changes:
            return
        with contextlib.suppress(Conflict):
            await self._store.commit(settled.changes)
            self._metrics.orders.labels(order.connection, settled.order.state.value).inc()
            _log.error("final order spoken of", reference=order.reference, outcome=settled.order.state.value)
            self.on_settled()

    async def _look_at_agreement(self, order: OrderRow) -> None:
        row = await self._store.agreement(order.agreement_id or "")
        if row is None:
            return
        is_invoice = row.kind is AgreementKind.INVOICE
        if is_invoice and row.state in ENDED and row.state is not AgreementState.PAID:
            await self._ask_once_more(row, order)
            return
        # Of an invoice that is UNRESOLVED the provider may have a last word after all.
        open_invoice = is_invoice and row.state is AgreementState.UNRESOLVED
        if row.state is not AgreementState.ACTIVE and not open_invoice:
            return
        now_ms = self._clock()
        with contextlib.suppress(Conflict):
            await self._store.commit([MoveAgreement(row.id, row.version, now_ms, now_ms, source=Source.POLL)])
            self.on_settled()

    async def _ask_once_more(self, row: AgreementRow, order: OrderRow) -> None:
        """What has ended stays ended; money that came for it all the same is for a person to see."""
        report = await self._calls.agreement(row, self._times.call_s)
        if isinstance(report, ProviderError) or report.state is not AgreementWord.PAID:
            return
        at = await self._contexts.of(order)
        told = about_agreement(
            "invoice_paid_after_end",
            row,
            at.merchant,
            id=at.ids.uuid(),
            now_ms=at.now_ms,
            said=f"held {row.state.value}",
            theirs=report.amount,
        )
        await self._store.commit([told])
        _log.error("ended invoice paid", code=row.code)
