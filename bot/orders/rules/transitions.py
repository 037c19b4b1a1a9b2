"""Turns a decision into the changes to commit and the order as it will be after them. Pure.

Every transition takes the messages it causes along, so that both stand in one commit.
"""

from typing import Any, Final

import msgspec

from bot.money import FINAL, Money, OrderState, Reason, Source
from bot.notifications.incidents import about_order
from bot.notifications.order_messages import result_messages
from bot.notifications.other_messages import staff_notices
from bot.orders.rules.context import SettlementContext
from bot.orders.rules.follow_ups import follow_ups
from bot.store.base import AddIncident, Change, CreateOrder, DropMessages, MoveOrder, Queue, UpdateOrder
from bot.store.records import MessageKind, OrderRow

__all__ = ["SettlementContext", "Settled", "applied", "incident", "move", "note", "staff_told"]

# What a change sets on the order where it is given.
_GIVEN: Final = (
    "provider_reference",
    "financial_id",
    "network",
    "sent_ms",
    "accepted_ms",
    "otp_tries",
    "otp_expires_ms",
    "deadline_ms",
    "polls",
    "last_polled_ms",
    "attempts",
    "pending_ref",
    "place",
    "sent_with",
    "missed_ms",
)


class Settled(msgspec.Struct, frozen=True):
    """The changes to commit, and the order as it will be."""

    changes: tuple[Change, ...]
    order: OrderRow


def applied(order: OrderRow, change: MoveOrder | UpdateOrder) -> OrderRow:
    """The order as the store will have it once the change is committed."""
    given: dict[str, Any] = {
        name: value for name in _GIVEN if (value := getattr(change, name, None)) is not None
    }
    if isinstance(change, MoveOrder):
        given |= {
            "state": change.to_state,
            "due_ms": change.due_ms,
            "reason": None if change.to_state is OrderState.SUCCESSFUL else change.reason or order.reason,
            "provider_code": change.provider_code or order.provider_code,
            "doubted_ms": None,
        }
        if change.lease_until_ms is not None:
            given |= {"lease_until_ms": change.lease_until_ms, "fence": order.fence + 1}
    else:
        if change.due_ms is not None:
            given["due_ms"] = change.due_ms
        if change.doubted_ms is not None:
            given["doubted_ms"] = change.doubted_ms or None
    return msgspec.structs.replace(order, version=order.version + 1, updated_ms=change.at_ms, **given)


def move(
    order: OrderRow,
    to_state: OrderState,
    source: Source,
    ctx: SettlementContext,
    reason: Reason | None = None,
    provider_code: str = "",
    *,
    due_ms: int | None = None,
    note: str = "",
    provider_reference: str | None = None,
    financial_id: str | None = None,
    accepted_ms: int | None = None,
    otp_tries: int | None = None,
    otp_expires_ms: int | None = None,
    deadline_ms: int | None = None,
    polls: int | None = None,
    payment_reference: str = "",
    expires_ms: int | None = None,
) -> Settled:
    """One transition with the messages it causes, in one commit."""
    if order.accepted_ms is not None:
        accepted_ms = None  # what was accepted first stays
    moved = MoveOrder(
        order_id=order.id,
        expected=order.version,
        to_state=to_state,
        source=source,
        at_ms=ctx.now_ms,
        due_ms=None if to_state in FINAL else due_ms,
        reason=reason,
        provider_code=provider_code,
        note=note,
        fence=ctx.fence,
        provider_reference=provider_reference,
        financial_id=financial_id,
        accepted_ms=accepted_ms,
        otp_tries=otp_tries,
        otp_expires_ms=otp_expires_ms,
        deadline_ms=deadline_ms,
        polls=polls,
        last_polled_ms=ctx.now_ms if polls is not None else None,
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
    changed = changed_after_final(order, to_state, source, ctx) if order.state in FINAL else []
    return Settled((moved, *dropped, *told, *further, *changed), applied(order, moved))


def changed_after_final(
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
    return staff_notices(
        sentence,
        order,
        ctx.merchant,
        ctx.staff,
        key=f"{sentence.partition('.')[2]}:{to_state.value if to_state else ''}",
        now_ms=ctx.now_ms,
        new_id=ctx.ids.uuid,
        to_state=to_state,
    )


def note(
    order: OrderRow,
    ctx: SettlementContext,
    *,
    due_ms: int | None,
    sent_ms: int | None = None,
    accepted_ms: int | None = None,
    deadline_ms: int | None = None,
    provider_reference: str | None = None,
    polls: int | None = None,
    last_polled_ms: int | None = None,
    attempts: int | None = None,
    missed_ms: int | None = None,
) -> Settled:
    """Fields set without a transition; gives the worker's lease back."""
    if order.accepted_ms is not None:
        accepted_ms = None  # what was accepted first stays
    noted = UpdateOrder(
        order_id=order.id,
        expected=order.version,
        at_ms=ctx.now_ms,
        fence=ctx.fence,
        due_ms=due_ms,
        sent_ms=sent_ms,
        accepted_ms=accepted_ms,
        deadline_ms=deadline_ms,
        provider_reference=provider_reference,
        polls=polls,
        last_polled_ms=last_polled_ms,
        attempts=attempts,
        missed_ms=missed_ms,
        release=True,
    )
    return Settled((noted,), applied(order, noted))


def incident(
    kind: str, order: OrderRow, ctx: SettlementContext, said: str = "", *, theirs: Money | None = None
) -> AddIncident:
    """See `bot.notifications.incidents`."""
    return about_order(
        kind, order, ctx.merchant, id=ctx.ids.uuid(), now_ms=ctx.now_ms, said=said, theirs=theirs
    )
