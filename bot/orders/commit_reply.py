"""Commits a provider's reply, also where the order moved while the call was under way."""

from collections.abc import Callable
from typing import Final

from bot.money import OrderState
from bot.orders.rules import Settled
from bot.store.base import Conflict, Store
from bot.store.records import OrderRow

__all__ = ["keep_reply"]

_TRIES: Final = 5


async def keep_reply(store: Store, order: OrderRow, decide: Callable[[OrderRow], Settled]) -> OrderRow:
    """Commit what `decide` makes of the reply to a request about `order`, and return the order after it.

    Where somebody asked about the order or touched it meanwhile, the decision is made anew on what is
    kept: a reply to our own request is said once only, and must not be lost. An order that is no
    longer PENDING keeps what it was given. A reply that names a reference which is another order's is not
    kept: asked about later, the order is misnamed there again, and a person is told.
    """
    for _ in range(_TRIES):
        settled = decide(order)
        try:
            await store.commit(settled.changes)
        except Conflict as lost:
            fresh = await store.order(order.id)
            if lost.what == "reference" or fresh is None or fresh.state is not OrderState.PENDING:
                return fresh or order
            order = fresh
            continue
        return settled.order
    return order
