"""What else an order's new state causes: an agreement moves, a bill is paid with the money that came,
the money goes back where the bill was not paid, whoever's wallet it is hears of it. Pure.

All of it stands in the commit of the transition that causes it, so that none is done twice or forgotten.
"""

import msgspec

from bot.money import (
    ORDER_CODE_BYTES,
    AgreementKind,
    AgreementState,
    OrderDetails,
    OrderKind,
    OrderState,
    Reason,
    Source,
    after_order,
    code_from_bytes,
    may_become,
)
from bot.notifications.incidents import about_order
from bot.notifications.other_messages import invoice_notices
from bot.notifications.wallet_messages import wallet_messages
from bot.orders.rules.context import SettlementContext
from bot.store.base import AddIncident, Change, CreateOrder, MoveAgreement, MoveOrder, OrderFields
from bot.store.records import OrderRow

__all__ = ["follow_ups"]


def follow_ups(
    order: OrderRow,
    to_state: OrderState,
    reason: Reason | None,
    ctx: SettlementContext,
    *,
    payment_reference: str = "",
    expires_ms: int | None = None,
) -> list[Change]:
    """The further changes of the order's becoming `to_state`."""
    changes: list[Change] = []
    if ctx.agreement is not None:
        changes += _agreement(order, to_state, reason, ctx, payment_reference, expires_ms)
    succeeded = to_state is OrderState.SUCCESSFUL
    changes += wallet_messages(
        order,
        to_state,
        ctx.merchant,
        ctx.owner_id,
        ctx.owner_addresses,
        now_ms=ctx.now_ms,
        new_id=ctx.ids.uuid,
        timeouts=ctx.timeouts,
        agreement=ctx.agreement,
        refunded=ctx.refunded,
        short_code=ctx.short_code,
    )
    if succeeded and order.kind is OrderKind.COLLECTION and order.details.service_provider:
        changes += _bill(order, ctx)
    if to_state is OrderState.FAILED and order.kind is OrderKind.BILL and ctx.follows is not None:
        changes += _given_back(order, ctx.follows, ctx)
    if to_state is OrderState.FAILED and order.goes_back_by_itself:
        changes.append(_kept(order, ctx))
    return changes


def _agreement(
    order: OrderRow,
    to_state: OrderState,
    reason: Reason | None,
    ctx: SettlementContext,
    payment_reference: str,
    expires_ms: int | None,
) -> list[Change]:
    row = ctx.agreement
    assert row is not None
    becomes = after_order(order.kind, to_state, reason)
    if becomes is None or not may_become(row.state, becomes):
        return []
    # The earlier of their word and our own limit. The worker looks at what stands from now on.
    until_ms = min(expires_ms, row.until_ms) if expires_ms and row.until_ms else expires_ms or row.until_ms
    moved = MoveAgreement(
        row.id,
        row.version,
        ctx.now_ms,
        ctx.now_ms if becomes is AgreementState.ACTIVE else None,
        becomes,
        Source.REPLY if to_state is OrderState.SUCCESSFUL else Source.US,
        note=f"order {order.code}",
        until_ms=until_ms,
        payment_reference=payment_reference or None,
    )
    told: list[Change] = []
    if becomes is AgreementState.ACTIVE and row.kind is AgreementKind.INVOICE:
        told += invoice_notices(
            row,
            ctx.merchant,
            ctx.owner_id,
            ctx.owner_addresses,
            payment_reference,
            now_ms=ctx.now_ms,
            new_id=ctx.ids.uuid,
            timeouts=ctx.timeouts,
        )
    return [moved, *told]


def _bill(paid: OrderRow, ctx: SettlementContext) -> list[Change]:
    """The bill, paid with the money that has just come. One bill follows one collection; behind one that was
    put back from a copy it may have been paid under another reference, so this one counts as sent."""
    row = _after(paid, OrderKind.BILL, ctx)
    row = msgspec.structs.replace(row, follows_id=paid.id, details=paid.details, restored_ms=paid.restored_ms)
    made: list[Change] = [CreateOrder(row, Source.US)]
    if paid.restored_ms is not None:
        note = f"follows {paid.code}, put back from a copy: perhaps sent"
        made.append(
            MoveOrder(
                row.id,
                row.version,
                OrderState.PENDING,
                Source.US,
                ctx.now_ms,
                ctx.now_ms,
                note=note,
                fields=OrderFields(sent_ms=ctx.now_ms),
            )
        )
    return made


def _given_back(bill: OrderRow, paid: OrderRow, ctx: SettlementContext) -> list[Change]:
    """The refund of a bill's money, where the account can make one; else, and where one may have been made
    that a copy of the database does not know, staff see the incident."""
    if OrderKind.REFUND not in ctx.kinds or bill.restored_ms is not None:
        return [_kept(bill, ctx)]
    details = OrderDetails(about_reference=paid.reference, about_provider_reference=paid.provider_reference)
    row = _after(paid, OrderKind.REFUND, ctx)
    row = msgspec.structs.replace(row, payee=paid.payer, parent_id=paid.id, details=details, note=bill.note)
    return [CreateOrder(row, Source.US)]


def _kept(order: OrderRow, ctx: SettlementContext) -> AddIncident:
    """The money for a bill that was not paid is with the merchant, and no one else will give it back."""
    return about_order("bill_not_paid", order, ctx.merchant, id=ctx.ids.uuid(), now_ms=ctx.now_ms)


def _after(before: OrderRow, kind: OrderKind, ctx: SettlementContext) -> OrderRow:
    """A NEW order of the same person, merchant, account and amount."""
    return OrderRow(
        id=ctx.ids.uuid(),
        code=code_from_bytes(ctx.ids.random_bytes(ORDER_CODE_BYTES)),
        kind=kind,
        state=OrderState.NEW,
        account_id=before.account_id,
        merchant_id=before.merchant_id,
        person_id=before.person_id,
        amount_minor=before.amount_minor,
        currency=before.currency,
        payer="",
        reference=ctx.ids.uuid(),
        origin_channel=before.origin_channel,
        origin_kind=before.origin_kind,
        origin_value=before.origin_value,
        created_ms=ctx.now_ms,
        updated_ms=ctx.now_ms,
        note=before.note,
        due_ms=0,
    )
