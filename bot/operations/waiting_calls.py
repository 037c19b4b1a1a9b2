"""Provider calls a person waits for, inside a turn: for a while with the person, then without.

Only the reply to a creating call says that a code is wanted, so no such reply is thrown away: a call
whose turn has ended goes on to its own end, is settled, and what it led to is told by message.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
import structlog

from bot.operations.actor import Actor
from bot.orders.commit_reply import keep_reply
from bot.orders.context_loader import ContextLoader
from bot.orders.rules import Settled, SettlementContext
from bot.providers.base import OtpAnswer, Receipt
from bot.runtime.clock import Clock
from bot.runtime.timeouts import Timeouts
from bot.store.base import Store
from bot.store.records import OrderRow

__all__ = ["WaitingCalls"]

_log = structlog.get_logger(__name__)

A = TypeVar("A")


class WaitingCalls:
    """Makes the calls that a person waits for, and keeps what comes of them.

    `under_way` are the calls that have not ended, also those that outlived their turns; `on_late` is called
    when the reply of one of these has been kept.
    """

    def __init__(
        self,
        store: Store,
        context_loader: ContextLoader,
        clock: Clock,
        timeouts: Timeouts,
        on_late: Callable[[], None],
    ) -> None:
        self._store = store
        self._context_loader = context_loader
        self._clock = clock
        self._timeouts = timeouts
        self._on_late = on_late
        self.under_way: set[asyncio.Task[OrderRow]] = set()

    async def make(
        self,
        call: Callable[[], Awaitable[A]],
        decide: Callable[[OrderRow, A, SettlementContext], Settled],
        pending: OrderRow,
        actor: Actor,
    ) -> tuple[OrderRow, bool]:
        """Make one call; the order after it where the reply comes soon, else as it is.

        The second value says whether the provider surely took what was asked. A lost reply, or a code
        refused for good, is not sure. `decide` is the rule for the reply.
        """
        soon = await self._context_loader.of(pending, told=actor.told, session_open=True)
        late = msgspec.structs.replace(soon, told=None, session_open=False)
        heard, sure = True, False

        async def to_the_end() -> OrderRow:
            nonlocal sure
            answer = await call()
            sure = isinstance(answer, Receipt) or (isinstance(answer, OtpAnswer) and answer.accepted)

            def settle(order: OrderRow) -> Settled:
                ctx = soon if heard else late
                # The lease guards what we do, not what we were told: a reply is kept even if it passed on.
                fence = pending.fence if order is pending else None
                return decide(order, answer, msgspec.structs.replace(ctx, now_ms=self._clock(), fence=fence))

            after = await keep_reply(self._store, pending, settle)
            if not heard:
                self._on_late()
            return after

        task = asyncio.create_task(to_the_end())
        self.under_way.add(task)
        task.add_done_callback(self._ended)
        done, _ = await asyncio.wait({task}, timeout=self._timeouts.look_up_s)
        heard = False
        return (task.result(), sure) if done else (pending, False)

    async def finish(self, patience_s: float) -> None:
        """Wait for what is under way, then let it go: it is asked about later."""
        if self.under_way:
            _, late = await asyncio.wait(set(self.under_way), timeout=patience_s)
            for task in late:
                task.cancel()

    def _ended(self, task: "asyncio.Task[OrderRow]") -> None:
        self.under_way.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Nothing is lost: the order is due after its lease, and asked about.
            _log.error("reply not kept", kind=type(error).__name__)
