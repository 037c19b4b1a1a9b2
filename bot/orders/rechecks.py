"""Asks again about final orders of which the provider sent further news.

Mostly it is the callback of a payment that the worker had settled already; but it may be money that was
paid back, or a success after a failure. What a provider said was acknowledged, so it is work that is kept:
asked about after the pause that all questions about one order keep, again and again while nobody can say,
and an incident where that lasts too long. However often a provider speaks of an order, one question answers.
"""

from collections.abc import Callable
from typing import Final

import structlog

from bot.money import (
    ENDED,
    FINAL,
    MAKES_AGREEMENT,
    AgreementKind,
    AgreementState,
    OrderKind,
    OrderState,
    Source,
    Verdict,
    judge,
)
from bot.notifications.incidents import about_agreement, about_order
from bot.notifications.other_messages import late_invoice_notices
from bot.orders.context_loader import ContextLoader
from bot.orders.provider_calls import Calls
from bot.orders.rules import after_recheck
from bot.providers.base import AgreementWord, ProviderError, StatusReport
from bot.runtime.clock import Clock
from bot.runtime.metrics import Metrics
from bot.runtime.timeouts import Timeouts
from bot.store.base import Change, Conflict, EndRecheck, MoveAgreement, PutOffRecheck, Store
from bot.store.records import AgreementRow, OrderRow, RecheckRow

__all__ = ["GIVE_UP_MS", "Rechecks"]

_log = structlog.get_logger("worker")

# Asked again after ten seconds, then ever more rarely, until it is an hour;
_FIRST_PAUSE_MS: Final = 10_000
_LONGEST_PAUSE_MS: Final = 3600_000
# and after a day a person must look.
GIVE_UP_MS: Final = 24 * 3600_000


class Rechecks:
    """Claims rechecks that are due, and asks about the order of each.

    `on_settled` is called when messages have been queued, or an agreement is to be asked about; `on_ask`
    before an account is asked.
    """

    def __init__(
        self,
        store: Store,
        calls: Calls,
        context_loader: ContextLoader,
        clock: Clock,
        timeouts: Timeouts,
        metrics: Metrics,
    ) -> None:
        self._store = store
        self._calls = calls
        self._context_loader = context_loader
        self._clock = clock
        self._timeouts = timeouts
        self._metrics = metrics
        self.on_settled: Callable[[], None] = lambda: None
        self.on_ask: Callable[[str], None] = lambda account_id: None

    async def next_ms(self) -> int | None:
        """When the next one falls due."""
        return await self._store.next_recheck_ms()

    async def claim(self, limit: int) -> tuple[RecheckRow, ...]:
        """Those that are due. One whose question does not end is due again after its lease."""
        return await self._store.claim_rechecks(self._clock(), int(self._timeouts.lease_s * 1000), limit)

    async def ask(self, row: RecheckRow) -> None:
        """Ask, and keep what comes of it together with the end of the work. Raises StoreUnavailable."""
        order = await self._store.order(row.order_id)
        changes = [] if order is None or order.state not in FINAL else await self._changes_of(order, row)
        if changes is None:
            assert order is not None
            await self._store.commit(await self._later(order, row))
            return
        spacing_ms = int(self._timeouts.hint_spacing_s * 1000)
        try:
            await self._store.commit([*changes, EndRecheck(row, self._clock() + spacing_ms)])
        except Conflict:
            # The order moved meanwhile. It is asked about again after the lease.
            _log.info("order moved on", reference=order.reference if order else "")
            return
        if changes and order is not None:
            after = await self._store.order(order.id)
            state = (after or order).state
            self._metrics.orders.labels(order.account_id, state.value).inc()
            _log.error("final order spoken of", reference=order.reference, outcome=state.value)
            self.on_settled()

    async def _changes_of(self, order: OrderRow, row: RecheckRow) -> list[Change] | None:
        """What follows from what is told now; None where nobody could say."""
        if order.agreement_id is not None and order.kind is not OrderKind.AGREEMENT_CHARGE:
            # It made an agreement and is over; what is said now is about that: an invoice was paid.
            changes = await self._ask_about_agreement(order)
            if changes is None or changes or not _may_stand_after_all(order):
                return changes
        self.on_ask(order.account_id)
        answer = await self._calls.status(order, self._timeouts.call_s)
        if isinstance(answer, ProviderError):
            return None
        if answer.state is None or answer.not_found:
            # Of our own question that is an answer, too: it is still not there.
            return [] if row.source is Source.POLL and answer.not_found else None
        if _is_behind(answer, row.reported_state):
            return None
        ctx = await self._context_loader.of(order, fence=order.fence)
        return list(after_recheck(order, answer, row.source, ctx).changes)

    async def _later(self, order: OrderRow, row: RecheckRow) -> list[Change]:
        now_ms = self._clock()
        if now_ms - row.since_ms < GIVE_UP_MS:
            pause_ms = min(_FIRST_PAUSE_MS * 2 ** min(row.tries, 10), _LONGEST_PAUSE_MS)
            return [PutOffRecheck(row, now_ms + pause_ms)]
        if row.source is Source.POLL:
            # Nobody told us anything: it was for us to ask, and that was tried for long enough.
            return [EndRecheck(row, now_ms)]
        ctx = await self._context_loader.of(order)
        said = f" that it is {row.reported_state.value}" if row.reported_state else ""
        alarm = about_order(
            "news_not_looked_into",
            order,
            ctx.merchant,
            id=ctx.ids.uuid(),
            now_ms=now_ms,
            said=f"held {order.state.value}, told by {row.source.value}{said}",
            key=f"news_not_looked_into:{order.id}:{row.since_ms}",
        )
        _log.error("given up asking about a final order", reference=order.reference)
        return [alarm, EndRecheck(row, now_ms)]

    async def _ask_about_agreement(self, order: OrderRow) -> list[Change] | None:
        row = await self._store.agreement(order.agreement_id or "")
        if row is None:
            return []
        is_invoice = row.kind is AgreementKind.INVOICE
        if is_invoice and row.state in ENDED and row.state is not AgreementState.PAID:
            return await self._ask_once_more(row, order)
        # Of an invoice that is UNRESOLVED the provider may have a last word after all.
        open_invoice = is_invoice and row.state is AgreementState.UNRESOLVED
        if row.state is not AgreementState.ACTIVE and not open_invoice:
            return []
        now_ms = self._clock()
        return [MoveAgreement(row.id, row.version, now_ms, now_ms, source=Source.POLL)]

    async def _ask_once_more(self, row: AgreementRow, order: OrderRow) -> list[Change] | None:
        """What has ended stays ended; money that came for it all the same is for people to see."""
        report = await self._calls.agreement(row, self._timeouts.call_s)
        if isinstance(report, ProviderError):
            return None
        if report.state is not AgreementWord.PAID:
            return []
        ctx = await self._context_loader.of(order)
        alarm = about_agreement(
            "invoice_paid_after_end",
            row,
            ctx.merchant,
            id=ctx.ids.uuid(),
            now_ms=ctx.now_ms,
            said=f"held {row.state.value}",
            theirs=report.amount,
        )
        told = late_invoice_notices(row, ctx.merchant, ctx.staff, now_ms=ctx.now_ms, new_id=ctx.ids.uuid)
        return [alarm, *told]


def _may_stand_after_all(order: OrderRow) -> bool:
    """Whether we hold that an agreement was never made: where it was, wallets are debited without a PIN."""
    return order.state is OrderState.FAILED and order.kind in MAKES_AGREEMENT


def _is_behind(report: StatusReport, told: OrderState | None) -> bool:
    """Whether the status does not show yet what the provider has told: money that went back, say."""
    if told not in FINAL or report.state is None or report.state is told:
        return False
    # What it shows came after what was told: an old event, come late.
    came_after = judge(told, report.state, Source.POLL) is Verdict.MOVE
    return not came_after
