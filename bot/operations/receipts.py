"""Receipts: what a paid payment's person may see of it again, or have sent to their phone."""

from bot.dialog import Name
from bot.dialog import views as v
from bot.money import Money, OrderKind, OrderState
from bot.notifications.receipts import receipt_message
from bot.operations.actor import Actor, EffectResult
from bot.runtime.clock import Clock, Ids
from bot.store.base import Store
from bot.store.records import OrderRow

__all__ = ["Receipts", "receipt_of"]


class Receipts:
    """What a payment's own person does with its receipt."""

    def __init__(self, store: Store, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids

    async def own(self, actor: Actor, order_id: str) -> v.ReceiptView | None:
        """The receipt of the actor's own payment; None where it is not paid, or somebody else's."""
        order = await self._store.order(order_id)
        if order is None or order.person_id != actor.person.id:
            return None
        merchant = await self._store.merchant(order.merchant_id)
        return await receipt_of(self._store, order, merchant.shown if merchant else "")

    async def send(self, actor: Actor, order_id: str) -> EffectResult:
        """Send it to the address the actor speaks from; a second time nothing more is sent."""
        receipt = await self.own(actor, order_id)
        if receipt is None:
            return EffectResult(result=v.Done(ok=False))
        message = receipt_message(
            receipt,
            order_id,
            actor.address,
            actor.person.id,
            now_ms=self._clock(),
            new_id=self._ids.uuid,
        )
        return EffectResult((message,), v.Done())


async def receipt_of(store: Store, order: OrderRow, merchant: Name) -> v.ReceiptView | None:
    """The receipt of a payment; None where it is none that was paid."""
    if order.kind is not OrderKind.COLLECTION or order.shown is not OrderState.SUCCESSFUL:
        return None
    lines = await store.transitions(order.id)
    paid_ms = next(line.at_ms for line in reversed(lines) if line.to_state is OrderState.SUCCESSFUL)
    refunds = await store.refunds_of(order.id)
    refunded = sum(row.amount_minor for row in refunds if row.state is OrderState.SUCCESSFUL)
    return v.ReceiptView(
        code=order.code,
        amount=Money(order.amount_minor, order.currency),
        merchant=merchant,
        payer=order.payer,
        paid_ms=paid_ms,
        reference=order.financial_id or order.provider_reference,
        of_provider=not order.financial_id,
        bill=order.details.service_provider,
        asked_for=order.details.asked_for,
        given=order.details.given,
        refunded=Money(refunded, order.currency) if refunded else None,
    )
