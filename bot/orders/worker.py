"""The worker: sends NEW orders, polls open ones and settles them, without anybody asking.

An order is leased while it is worked on; its fence is checked in every commit, so that a worker that
was away too long changes nothing. When an order is due is decided in `bot/orders/rules`, from the schedule.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Coroutine
from typing import Any, Final

import msgspec
import structlog

from bot.money import PAYOUTS, OrderState, Source
from bot.orders.commit_reply import keep_reply
from bot.orders.context_loader import ContextLoader
from bot.orders.polling import Poller
from bot.orders.provider_calls import Calls
from bot.orders.rechecks import Rechecks
from bot.orders.rules import (
    Settled,
    SettlementContext,
    after_request,
    after_silence,
    after_status,
    applied,
    give_up,
    may_give_up,
    misnamed,
    stopped,
)
from bot.providers.base import ProviderError, Resend
from bot.runtime.clock import Clock
from bot.runtime.loops import is_due, keep_going
from bot.runtime.metrics import Metrics
from bot.runtime.rate_limits import AccountLimits
from bot.runtime.timeouts import Timeouts
from bot.store.base import Conflict, MoveOrder, OrderFields, Store, StoreUnavailable, UpdateOrder
from bot.store.records import OrderRow, RecheckRow

__all__ = ["Worker"]

_log = structlog.get_logger("worker")

_AT_ONCE: Final = 256
# Orders in hand per account: a slow provider must not take the places of the others.
_PER_ACCOUNT: Final = 48
_CLAIMED_AT_ONCE: Final = 16
_FINISH_S: Final = 5.0
_IDLE_S: Final = 30.0
_PURGE_EVERY_S: Final = 3600.0
# A clock that is put right by less than this keeps nobody waiting.
_SET_BACK_MS: Final = 2000
_ELSEWHERE_MS: Final = 600_000


class Worker:
    """Claims orders that are due, works on many at once, and keeps what becomes of each.

    Runs until cancelled. `wake` says that an order may be due; `on_settled` that messages may be.
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
        self._woken = asyncio.Event()
        self._working: set[asyncio.Task[None]] = set()
        self._in_hand: Counter[str] = Counter()
        self._pace = AccountLimits(clock, {account.id: account.asks_per_s for account in calls.accounts})
        self._poller = Poller(store, calls, clock, timeouts)
        self._rechecks = Rechecks(store, calls, context_loader, clock, timeouts, metrics)
        self._rechecks.on_settled = self._tell_settled
        self._rechecks.on_ask = self._pace.spend
        self.on_settled: Callable[[], None] = lambda: None
        self._purged_ms = 0
        self._seen_ms = 0

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        try:
            await keep_going("orders", self._woken, self._round)
        finally:
            # A reply on its way may say that a code is wanted, and says it once: wait a little for it.
            if self._working:
                await asyncio.wait(set(self._working), timeout=_FINISH_S)
            for task in self._working:
                task.cancel()
            await asyncio.gather(*self._working, return_exceptions=True)

    def _tell_settled(self) -> None:
        self.on_settled()

    async def _round(self) -> float:
        """Start all that is due; how long to sleep then.

        It reads before it claims: mostly nothing is due, and a read is no commit.
        """
        await self._mind_the_clock()
        if is_due(await self._rechecks.next_ms(), self._clock()):
            # Whose they are is known only with the order; while any account is spent, one by one.
            room = 1 if self._pace.spent() else self._pace.room(_CLAIMED_AT_ONCE)
            for row in await self._rechecks.claim(room):
                self._start(self._recheck_safely(row))
        await self._purge()
        while True:
            due_ms = await self.next_ms()
            if due_ms is None:
                return _IDLE_S
            pause_s = (due_ms - self._clock()) / 1000
            if pause_s > 0 or len(self._working) >= _AT_ONCE or not await self._start_due():
                # What is due and left over belongs to an account that is full, whose next free place wakes
                # us, or that has been asked enough for now.
                return min(max(pause_s, 0.1), _IDLE_S)

    async def _mind_the_clock(self) -> None:
        """Where the clock was set back, nothing waits for it to catch up. A jump shorter than the sleep
        before it is not seen, and delays by no more than that."""
        now_ms = self._clock()
        if now_ms < self._seen_ms - _SET_BACK_MS:
            _log.warning("clock set back", by_s=(self._seen_ms - now_ms) // 1000)
            await self._store.pull_due(now_ms, int(self._timeouts.lease_s * 1000))
            self._purged_ms = min(self._purged_ms, now_ms)
            self._tell_settled()
        self._seen_ms = now_ms

    async def drain(self) -> int:
        """Work on all that is due now, one round after the other, at no pace; how many. For tests, whose
        clock stands still."""
        handled = 0
        while is_due(await self._rechecks.next_ms(), self._clock()):
            for row in await self._rechecks.claim(_CLAIMED_AT_ONCE):
                await self._rechecks.ask(row)
        while is_due(await self._store.next_due_ms(), self._clock()) and (
            orders := await self._claim(_CLAIMED_AT_ONCE)
        ):
            await asyncio.gather(*(self.work(order) for order in orders))
            handled += len(orders)
        return handled

    async def work(self, order: OrderRow) -> None:
        """Do what is due for one leased order."""
        started_ms = self._clock()
        try:
            after = await self._act(order)
        except Conflict:
            # Someone else settled it meanwhile, or our lease passed on: their word stands.
            _log.info("order moved on", reference=order.reference)
            return
        if after.state is not order.state:
            # Only a move has anything to say.
            self.on_settled()
        self._metrics.orders.labels(order.account_id, after.state.value).inc()
        _log.info(
            "order",
            reference=order.reference,
            account=order.account_id,
            state=order.state.value,
            outcome=after.state.value,
            code=after.provider_code,
            took_ms=self._clock() - started_ms,
        )

    async def _act(self, order: OrderRow) -> OrderRow:
        """Send the order or ask about it, whichever is due; the order after that."""
        now_ms = self._clock()
        if not self._calls.accounts.leads_to(order.account_id, order.place):
            # Its account left the settings or leads elsewhere now; start-up refuses this, or has told of it,
            # so a person is at it already.
            daily = order.state is OrderState.UNRESOLVED
            due_ms = now_ms + int(self._timeouts.daily_s * 1000 if daily else _ELSEWHERE_MS)
            later = UpdateOrder(
                order.id, order.version, now_ms, fence=order.fence, due_ms=due_ms, release=True
            )
            await self._store.commit([later])
            _log.error("order belongs elsewhere", account=order.account_id, reference=order.reference)
            return order
        if _is_to_be_sent(order):
            return await self._send(order, now_ms)
        if order.state is OrderState.NEEDS_OTP and (order.otp_expires_ms or 0) <= now_ms:
            order = await self._expire_otp(order, now_ms)
        return await self._ask(order)

    async def _send(self, order: OrderRow, now_ms: int) -> OrderRow:
        """Make the order's request, unless its time is over or it must not be made any more."""
        if may_give_up(order, now_ms, self._timeouts):
            ctx = await self._context_loader.of(order, fence=order.fence)
            return await self._keep(give_up(order, ctx), order, ctx)
        if order.kind in PAYOUTS and await self._store.is_off("payouts"):
            return await self._stop(order)
        if order.deadline_ms is not None and not self._calls.same_keys(order):
            # An earlier copy may have arrived, under keys that may be another account's.
            return await self._ask(order, again=False)
        due_ms = now_ms + int(self._timeouts.lease_s * 1000)
        fields = OrderFields(
            sent_ms=now_ms,
            place=self._calls.accounts.place(order.account_id),
            sent_with=self._calls.keys_hash(order.account_id),
        )
        # PENDING, and the mark that it may have left, are durable before the first byte leaves.
        if order.state is OrderState.NEW:
            marked: MoveOrder | UpdateOrder = MoveOrder(
                order_id=order.id,
                expected=order.version,
                to_state=OrderState.PENDING,
                source=Source.US,
                at_ms=now_ms,
                due_ms=due_ms,
                fence=order.fence,
                fields=fields,
            )
        else:
            marked = UpdateOrder(
                order.id, order.version, now_ms, fence=order.fence, due_ms=due_ms, fields=fields
            )
        try:
            await self._store.commit([marked])
        except Conflict as conflict:
            if conflict.what != "agreement" or order.deadline_ms is None:
                # An auto-debit came meanwhile: it would be taken without a PIN. Unsent, it fails in its time.
                raise
            return await self._ask(order, again=False)
        pending = applied(order, marked)
        answer = await self._calls.request_order(pending, self._timeouts.call_s)
        ctx = await self._context_loader.of(pending, fence=pending.fence)

        def settle(held: OrderRow) -> Settled:
            # The lease guards what we do, not what we were told: a reply is kept even if it passed on.
            fence = ctx.fence if held is pending else None
            return after_request(held, answer, msgspec.structs.replace(ctx, fence=fence))

        return await keep_reply(self._store, pending, settle)

    async def _stop(self, order: OrderRow) -> OrderRow:
        """A payout that has not left is not sent while payouts are switched off: it fails; one of which an
        earlier copy may have arrived is asked about instead."""
        if order.deadline_ms is None:
            ctx = await self._context_loader.of(order, fence=order.fence)
            return await self._keep(stopped(order, ctx), order, ctx)
        return await self._ask(order, again=False)

    async def _expire_otp(self, order: OrderRow, now_ms: int) -> OrderRow:
        """Nobody typed the code in its time: the status decides from here."""
        due_ms = now_ms + int(self._timeouts.lease_s * 1000)
        expired = MoveOrder(
            order.id, order.version, OrderState.PENDING, Source.US, now_ms, due_ms, fence=order.fence
        )
        await self._store.commit([expired])
        return applied(order, expired)

    async def _ask(self, order: OrderRow, *, again: bool = True) -> OrderRow:
        """Ask the provider about the order, and keep what follows. `again`: whether the request may be made
        again where it never arrived."""
        answer, absent = await self._poller.poll(order)
        ctx = msgspec.structs.replace(await self._context_loader.of(order, fence=order.fence), absent=absent)
        if not again:
            ctx = msgspec.structs.replace(ctx, resend=Resend.NEVER)
        if isinstance(answer, ProviderError):
            return await self._keep(after_silence(order, answer, ctx), order, ctx)
        if answer.state is None and not answer.not_found:
            _log.warning("unknown status word", reference=order.reference, code=answer.provider_code)
        return await self._keep(after_status(order, answer, order.hinted_by or Source.POLL, ctx), order, ctx)

    async def _keep(self, settled: Settled, order: OrderRow, ctx: SettlementContext) -> OrderRow:
        """Commit a settlement; the order after it. Where its reference is another order's, it is misnamed."""
        try:
            await self._store.commit(settled.changes)
        except Conflict as lost:
            if lost.what != "reference":
                raise
            # Said again, it would be refused again: a person must look.
            settled = misnamed(order, ctx)
            await self._store.commit(settled.changes)
        return settled.order

    async def _start_due(self) -> bool:
        orders = await self._claim_in_pace()
        for order in orders:
            self._in_hand[order.account_id] += 1
            if not _is_to_be_sent(order):
                self._pace.spend(order.account_id)
            self._start(self._work_safely(order))
        return bool(orders)

    async def _purge(self) -> None:
        """Delete what is old, once an hour."""
        if self._clock() - self._purged_ms > _PURGE_EVERY_S * 1000:
            self._purged_ms = self._clock()
            await self._store.purge(
                self._purged_ms,
                int(self._timeouts.journal_s * 1000),
                int(self._timeouts.remember_s * 1000),
                int(self._timeouts.stranger_s * 1000),
            )

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._worked)

    def _worked(self, task: "asyncio.Task[None]") -> None:
        self._working.discard(task)
        self._woken.set()

    async def _work_safely(self, order: OrderRow) -> None:
        try:
            await self.work(order)
        except StoreUnavailable:
            _log.error(
                "outcome not kept; the order is asked about after its lease", reference=order.reference
            )
        except Exception:
            _log.exception("order failed", reference=order.reference)
        finally:
            self._in_hand[order.account_id] -= 1

    async def _recheck_safely(self, row: RecheckRow) -> None:
        try:
            await self._rechecks.ask(row)
        except Exception:
            _log.exception("recheck failed")

    async def _claim_in_pace(self) -> tuple[OrderRow, ...]:
        """Orders of the accounts that have a place free and may be asked now; the others' stay due."""
        full = [name for name, busy in self._in_hand.items() if busy >= _PER_ACCOUNT]
        room = self._pace.room(min(_AT_ONCE - len(self._working), _CLAIMED_AT_ONCE))
        return await self._claim(room, {*full, *self._pace.spent()})

    async def _claim(self, room: int, without: Collection[str] = ()) -> tuple[OrderRow, ...]:
        lease_ms = int(self._timeouts.lease_s * 1000)
        return await self._store.claim_orders(self._clock(), lease_ms, room, sorted(without))

    async def next_ms(self) -> int | None:
        """When the next order or recheck is due; None where none is."""
        found = (await self._store.next_due_ms(), await self._rechecks.next_ms())
        return min((ms for ms in found if ms is not None), default=None)


def _is_to_be_sent(order: OrderRow) -> bool:
    """NEW, or known not to have left."""
    return order.state is OrderState.NEW or (order.state is OrderState.PENDING and order.sent_ms == 0)
