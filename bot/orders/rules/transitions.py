"""Turns a decision into the changes to commit and the order as it will be after them. Pure.

Every transition takes the messages it causes along, so that both stand in one commit.
"""

import msgspec

from bot.money import FINAL, PAYMENTS, Money, OrderState, Reason, Source
from bot.notifications.announcements import busy_notices, payment_notices
from bot.notifications.incidents import about_order
from bot.notifications.order_messages import result_messages
from bot.notifications.other_messages import staff_notices
from bot.orders.rules.context import SettlementContext
from bot.orders.rules.follow_ups import follow_ups
from bot.store.applied import applied
from bot.store.base import (
    NO_FIELDS,
    AddIncident,
    Announce,
    Change,
    CreateOrder,
    DropMessages,
    MoveOrder,
    OrderFields,
    Queue,
    UpdateOrder,
)
from bot.store.records import MessageKind, OrderRow

__all__ = ["Settled", "applied", "incident", "move", "polled", "staff_told", "update"]


class Settled(msgspec.Struct, frozen=True):
    """The changes to commit, and the order as it will be."""

    changes: tuple[Change, ...]
    order: OrderRow


def move(
    order: OrderRow,
    to_state: OrderState,
    source: Source,
    ctx: SettlementContext,
    reason: Reason | None = None,
    provider_code: str = "",
    fields: OrderFields = NO_FIELDS,
    *,
    due_ms: int | None = None,
    note: str = "",
    payment_reference: str = "",
    expires_ms: int | None = None,
) -> Settled:
    """One transition, with the messages and the further changes that it causes."""
    moved = MoveOrder(
        order_id=order.id,
        expected=order.version,
        to_state=to_state,
        source=source,
        at_ms=ctx.now_ms,
        due_ms=due_ms,
        reason=reason,
        provider_code=provider_code,
        note=note,
        fence=ctx.fence,
        fields=fields,
    )
    further = follow_ups(
        order, to_state, reason, ctx, payment_reference=payment_reference, expires_ms=expires_ms
    )
    told = result_messages(
        order,
        to_state,
        ctx.merchant,
        ctx.addresses,
        now_ms=ctx.now_ms,
        new_id=ctx.ids.uuid,
        timeouts=ctx.timeouts,
        reason=reason,
        told=ctx.told,
        payer=ctx.follows.payer if ctx.follows is not None else "",
        given_back=any(isinstance(change, CreateOrder) for change in further),
    )
    dropped = [] if to_state is OrderState.NEEDS_OTP else [DropMessages(order.id, MessageKind.PROMPT)]
    changed = _changed_after_final(order, to_state, source, ctx) if order.state in FINAL else []
    heard = _announced(order, ctx) if to_state is OrderState.SUCCESSFUL else []
    return Settled((moved, *dropped, *told, *further, *changed, *heard), applied(order, moved))


def _announced(order: OrderRow, ctx: SettlementContext) -> list[Announce]:
    """Word of a payment to the staff who asked for it. Nobody hears twice: not whoever began it, and of a
    correction not those whom it is told to as such."""
    if order.kind not in PAYMENTS or order.details.service_provider:
        return []
    known = {person_id for person_id, _ in ctx.staff} if order.state in FINAL else set()
    return [
        Announce(
            one.staff_id,
            order.id,
            order.merchant_id,
            ctx.now_ms,
            payment_notices(order, ctx.merchant, ctx.region, one.staff_id, targets, ctx.now_ms, ctx.ids.uuid),
            busy_notices(
                ctx.merchant, one.staff_id, targets, ctx.most_an_hour, one.day_ms, ctx.now_ms, ctx.ids.uuid
            ),
            ctx.most_an_hour,
            one.day_ms,
            one.quiet_until_ms,
        )
        for one in ctx.listeners
        if (targets := [at for at in one.targets if at[0] not in {order.person_id, *known}])
    ]


def _changed_after_final(
    order: OrderRow, to_state: OrderState, source: Source, ctx: SettlementContext
) -> list[Change]:
    """What a change of money after "final" causes besides: an incident, and word to the merchant's staff."""
    by_hand = source is Source.OPERATOR
    kind = "corrected" if by_hand else "changed_after_final"
    who = "an operator" if by_hand else "the provider"
    alarm = incident(kind, order, ctx, f"was {order.state.value}, {who} says {to_state.value}")
    sentence = "staff.reversed" if to_state is OrderState.REVERSED else "staff.corrected"
    return [alarm, *staff_told(sentence, order, to_state, ctx)]


def staff_told(
    sentence: str, order: OrderRow, to_state: OrderState | None, ctx: SettlementContext
) -> list[Queue]:
    """The messages that tell a merchant's staff of an order in this sentence. Money that went back is told to
    whoever hears of each payment as well, quiet or not."""
    told = list(ctx.staff)
    if sentence == "staff.reversed":
        told += [target for one in ctx.listeners for target in one.targets]
    return staff_notices(
        sentence,
        order,
        ctx.merchant,
        tuple(dict.fromkeys(told)),
        key=f"{sentence.partition('.')[2]}:{to_state.value if to_state else ''}",
        now_ms=ctx.now_ms,
        new_id=ctx.ids.uuid,
        to_state=to_state,
    )


def update(
    order: OrderRow, ctx: SettlementContext, fields: OrderFields = NO_FIELDS, *, due_ms: int | None
) -> Settled:
    """Fields set without a transition; gives the worker's lease back."""
    updated = UpdateOrder(
        order.id, order.version, ctx.now_ms, fence=ctx.fence, due_ms=due_ms, fields=fields, release=True
    )
    return Settled((updated,), applied(order, updated))


def polled(ctx: SettlementContext, polls: int) -> OrderFields:
    """The order was asked about, for the `polls`th time."""
    return OrderFields(polls=polls, last_polled_ms=ctx.now_ms)


def incident(
    kind: str, order: OrderRow, ctx: SettlementContext, said: str = "", *, theirs: Money | None = None
) -> AddIncident:
    """See `bot.notifications.incidents`."""
    return about_order(
        kind, order, ctx.merchant, id=ctx.ids.uuid(), now_ms=ctx.now_ms, said=said, theirs=theirs
    )
