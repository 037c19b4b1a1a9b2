"""Sends what is NEW, asks about what is open, and settles it: the one place that acts when nobody speaks.

An order is leased while it is worked on; its fence is checked in every commit, so that a worker that
was away too long changes nothing. Which order is due when is decided in settle, from the schedule.
"""

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from typing import Any, Final

import msgspec
import structlog

from bot.calls import Calls
from bot.clock import Clock, Ids
from bot.keeping import keep_reply
from bot.metrics import Metrics
from bot.money import FINAL, OrderState, Source
from bot.providers.base import ProviderError
from bot.rounds import keep_going
from bot.settle import (
    Context,
    Settled,
    after_recheck,
    after_request,
    after_silence,
    after_status,
    give_up,
    may_give_up,
)
from bot.store.base import Conflict, MoveOrder, NoteOrder, Store, StoreUnavailable
from bot.store.records import OrderRow
from bot.times import Times

__all__ = ["Worker"]

_log = structlog.get_logger("worker")

_AT_ONCE: Final = 256
# Orders in hand per connection: a slow provider must not take the places of the others.
_PER_CONNECTION: Final = 48
_CLAIMED_AT_ONCE: Final = 16
_RECHECKS_WAITING: Final = 1000
_FINISH_S: Final = 5.0
_IDLE_S: Final = 30.0
_HOUSEKEEPING_S: Final = 3600.0


class Worker:
    """Runs until cancelled. `wake` says that an order may be due; `on_settled` that messages may be."""

    def __init__(
        self,
        store: Store,
        calls: Calls,
        clock: Clock,
        ids: Ids,
        times: Times,
        metrics: Metrics,
        *,
        short_code: str,
    ) -> None:
        self._store = store
        self._calls = calls
        self._clock = clock
        self._ids = ids
        self._times = times
        self._metrics = metrics
        self._woken = asyncio.Event()
        self._working: set[asyncio.Task[None]] = set()
        self._in_hand: Counter[str] = Counter()
        self._rechecks: deque[tuple[str, Source]] = deque(maxlen=_RECHECKS_WAITING)
        self._short_code = short_code
        self.on_settled: Callable[[], None] = lambda: None
        self._swept_ms = 0

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

    def recheck(self, order_id: str, source: Source) -> None:
        """A provider spoke of a final order: ask about it once more, soon."""
        self._rechecks.append((order_id, source))
        self._woken.set()

    async def _round(self) -> float:
        await self._start_due()
        return await self._pause_s()

    async def drain(self) -> int:
        """Work on all that is due now, one round after the other; how many. For tests."""
        handled = 0
        while self._rechecks:
            await self._recheck(*self._rechecks.popleft())
        while orders := await self._claim():
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
        self.on_settled()
        self._metrics.orders.labels(order.connection, after.state.value).inc()
        _log.info(
            "order",
            reference=order.reference,
            provider=order.connection,
            held=order.state.value,
            outcome=after.state.value,
            code=after.provider_code,
            took_ms=self._clock() - started_ms,
        )

    async def _act(self, order: OrderRow) -> OrderRow:
        now_ms = self._clock()
        if order.connection not in self._calls.connections:
            # Its account left the settings; start-up refuses this, so a person is at it already.
            later = NoteOrder(
                order.id, order.version, now_ms, fence=order.fence, due_ms=now_ms + 600_000, release=True
            )
            await self._store.commit([later])
            _log.error("order names an unknown connection", provider=order.connection)
            return order
        if order.state is OrderState.NEW or (order.state is OrderState.PENDING and order.sent_ms == 0):
            return await self._send(order, now_ms)
        if order.state is OrderState.NEEDS_OTP and (order.otp_expires_ms or 0) <= now_ms:
            order = await self._expire_otp(order, now_ms)
        return await self._ask(order)

    async def _send(self, order: OrderRow, now_ms: int) -> OrderRow:
        if may_give_up(order, now_ms, self._times):
            return await self._keep(give_up(order, await self._context(order)))
        # PENDING, and the mark that it may have left, are durable before the first byte leaves.
        if order.state is OrderState.NEW:
            marked: MoveOrder | NoteOrder = MoveOrder(
                order_id=order.id,
                expected=order.version,
                said=OrderState.PENDING,
                source=Source.US,
                at_ms=now_ms,
                due_ms=now_ms + int(self._times.lease_s * 1000),
                fence=order.fence,
                sent_ms=now_ms,
            )
        else:
            due_ms = now_ms + int(self._times.lease_s * 1000)
            marked = NoteOrder(
                order.id, order.version, now_ms, fence=order.fence, due_ms=due_ms, sent_ms=now_ms
            )
        await self._store.commit([marked])
        pending = msgspec.structs.replace(
            order, state=OrderState.PENDING, version=order.version + 1, sent_ms=now_ms, due_ms=marked.due_ms
        )
        answer = await self._calls.request_payment(pending, self._times.call_s)
        at = await self._context(pending)

        def settle(held: OrderRow) -> Settled:
            # The lease guards what we do, not what we were told: a reply is kept even if it passed on.
            fence = at.fence if held is pending else None
            return after_request(held, answer, msgspec.structs.replace(at, fence=fence))

        return await keep_reply(self._store, pending, settle)

    async def _recheck(self, order_id: str, source: Source) -> None:
        order = await self._store.order(order_id)
        if order is None or order.state not in FINAL or order.connection not in self._calls.connections:
            return
        # However often a provider speaks of it, it is asked once in a while.
        spacing_ms = int(self._times.hint_spacing_s * 1000)
        if not await self._store.count(f"recheck:{order.id}", spacing_ms, self._clock(), 1):
            return
        answer = await self._calls.status(order, self._times.call_s)
        if isinstance(answer, ProviderError):
            return
        settled = after_recheck(order, answer, source, await self._context(order))
        if not settled.changes:
            return
        with contextlib.suppress(Conflict):
            await self._store.commit(settled.changes)
            self._metrics.orders.labels(order.connection, settled.order.state.value).inc()
            _log.error("final order spoken of", reference=order.reference, outcome=settled.order.state.value)
            self.on_settled()

    async def _expire_otp(self, order: OrderRow, now_ms: int) -> OrderRow:
        """Nobody typed the code in its time: the status decides from here."""
        due_ms = now_ms + int(self._times.lease_s * 1000)
        expired = MoveOrder(
            order.id, order.version, OrderState.PENDING, Source.US, now_ms, due_ms, fence=order.fence
        )
        await self._store.commit([expired])
        return msgspec.structs.replace(
            order, state=OrderState.PENDING, version=order.version + 1, due_ms=due_ms
        )

    async def _ask(self, order: OrderRow) -> OrderRow:
        answer = await self._calls.status(order, self._times.call_s)
        at = await self._context(order)
        if isinstance(answer, ProviderError):
            return await self._keep(after_silence(order, answer, at))
        if answer.state is None and not answer.not_found:
            _log.warning("unknown status word", reference=order.reference, code=answer.provider_code)
        return await self._keep(after_status(order, answer, order.hinted_by or Source.POLL, at))

    async def _keep(self, settled: Settled) -> OrderRow:
        await self._store.commit(settled.changes)
        return settled.order

    async def _context(self, order: OrderRow) -> Context:
        merchant = await self._store.merchant(order.merchant_id)
        adapter = self._calls.connections.adapter(order.connection)
        return Context(
            merchant=merchant.name if merchant else "",
            addresses=await self._store.addresses_of(order.person_id),
            schedule_s=adapter.schedule_s,
            grace_s=adapter.not_found_grace_s,
            resend=self._calls.resend(order),
            now_ms=self._clock(),
            ids=self._ids,
            times=self._times,
            fence=order.fence,
            short_code=self._short_code,
        )

    async def _start_due(self) -> None:
        while self._rechecks and len(self._working) < _AT_ONCE:
            self._start(self._recheck_safely(*self._rechecks.popleft()))
        while len(self._working) < _AT_ONCE and (orders := await self._claim()):
            for order in orders:
                self._in_hand[order.connection] += 1
                self._start(self._work_safely(order))
        if self._clock() - self._swept_ms > _HOUSEKEEPING_S * 1000:
            self._swept_ms = self._clock()
            await self._store.sweep(
                self._swept_ms, int(self._times.journal_s * 1000), int(self._times.remember_s * 1000)
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
            self._in_hand[order.connection] -= 1

    async def _recheck_safely(self, order_id: str, source: Source) -> None:
        try:
            await self._recheck(order_id, source)
        except Exception:
            _log.exception("recheck failed")

    async def _claim(self) -> tuple[OrderRow, ...]:
        full = [name for name, busy in self._in_hand.items() if busy >= _PER_CONNECTION]
        room = min(_AT_ONCE - len(self._working), _CLAIMED_AT_ONCE)
        return await self._store.claim_orders(self._clock(), int(self._times.lease_s * 1000), room, full)

    async def _pause_s(self) -> float:
        due_ms = await self._store.next_due_ms()
        if due_ms is None:
            return _IDLE_S
        # What is due and left over belongs to a full connection: its next free place wakes us.
        return min(max((due_ms - self._clock()) / 1000, 0.1), _IDLE_S)
