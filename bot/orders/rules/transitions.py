"""What a decision becomes: the changes to commit, and the order as it will be after them. Pure.

Every transition takes the messages it causes along, so that both stand in one commit.
"""

from typing import Any, Final

import msgspec

from bot.money import FINAL, Money, OrderState, Reason, Source
from bot.notifications.incidents import about_order
from bot.notifications.order_messages import result_messages
from bot.notifications.other_messages import staff_notices
from bot.orders.rules.context import Context
from bot.orders.rules.follow_ups import follow_ups
from bot.store.base import AddIncident, Change, CreateOrder, DropMessages, MoveOrder, NoteOrder, Queue
from bot.store.records import MessageKind, OrderRow

__all__ = ["Context", "Settled", "applied", "incident", "move", "note", "staff_told"]

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
    "asks",
    "asked_ms",
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


def applied(order: OrderRow, change: MoveOrder | NoteOrder) -> OrderRow:
    """The order as the store will have it once the change is committed."""
    given: dict[str, Any] = {
        name: value for name in _GIVEN if (value := getattr(change, name, None)) is not None
    }
    if isinstance(change, MoveOrder):
        given |= {
            "state": change.said,
            "due_ms": change.due_ms,
            "reason": None if change.said is OrderState.SUCCESSFUL else change.reason or order.reason,
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
    said: OrderState,
    source: Source,
    at: Context,
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
    asks: int | None = None,
    payment_reference: str = "",
    expires_ms: int | None = None,
) -> Settled:
    """One transition with the messages it causes, in one commit."""
    if order.accepted_ms is not None:
        accepted_ms = None  # what was accepted first stays
    moved = MoveOrder(
        order_id=order.id,
        expected=order.version,
        said=said,
        source=source,
        at_ms=at.now_ms,
        due_ms=None if said in FINAL else due_ms,
        reason=reason,
        provider_code=provider_code,
        note=note,
        fence=at.fence,
        provider_reference=provider_reference,
        financial_id=financial_id,
        accepted_ms=accepted_ms,
        otp_tries=otp_tries,
        otp_expires_ms=otp_expires_ms,
        deadline_ms=deadline_ms,
        asks=asks,
        asked_ms=at.now_ms if asks is not None else None,
    )
    further = follow_ups(order, said, reason, at, payment_reference=payment_reference, expires_ms=expires_ms)
    told = result_messages(
        order,
        said,
        at.merchant,
        at.addresses,
        now_ms=at.now_ms,
        new_id=at.ids.uuid,
        times=at.times,
        reason=reason,
        told=at.told,
        payer=at.follows.payer if at.follows is not None else "",
        given_back=any(isinstance(change, CreateOrder) for change in further),
    )
    dropped = [] if said is OrderState.NEEDS_OTP else [DropMessages(order.id, MessageKind.PROMPT)]
    changed = changed_after_final(order, said, source, at) if order.state in FINAL else []
    return Settled((moved, *dropped, *told, *further, *changed), applied(order, moved))


def changed_after_final(order: OrderRow, said: OrderState, source: Source, at: Context) -> list[Change]:
    """What a change of money after "final" causes besides: an incident, and word to the merchant's staff."""
    by_hand = source is Source.OPERATOR
    kind = "corrected" if by_hand else "changed_after_final"
    who = "an operator" if by_hand else "the provider"
    alarm = incident(kind, order, at, f"was {order.state.value}, {who} says {said.value}")
    sentence = "staff.reversed" if said is OrderState.REVERSED else "staff.corrected"
    return [alarm, *staff_told(sentence, order, said, at)]


def staff_told(sentence: str, order: OrderRow, said: OrderState | None, at: Context) -> list[Queue]:
    return staff_notices(
        sentence,
        order,
        at.merchant,
        at.staff,
        key=f"{sentence.partition('.')[2]}:{said.value if said else ''}",
        now_ms=at.now_ms,
        new_id=at.ids.uuid,
        said=said,
    )


def note(
    order: OrderRow,
    at: Context,
    *,
    due_ms: int | None,
    sent_ms: int | None = None,
    accepted_ms: int | None = None,
    deadline_ms: int | None = None,
    provider_reference: str | None = None,
    asks: int | None = None,
    asked_ms: int | None = None,
    attempts: int | None = None,
    missed_ms: int | None = None,
) -> Settled:
    """Fields set without a transition; gives the worker's lease back."""
    if order.accepted_ms is not None:
        accepted_ms = None  # what was accepted first stays
    noted = NoteOrder(
        order_id=order.id,
        expected=order.version,
        at_ms=at.now_ms,
        fence=at.fence,
        due_ms=due_ms,
        sent_ms=sent_ms,
        accepted_ms=accepted_ms,
        deadline_ms=deadline_ms,
        provider_reference=provider_reference,
        asks=asks,
        asked_ms=asked_ms,
        attempts=attempts,
        missed_ms=missed_ms,
        release=True,
    )
    return Settled((noted,), applied(order, noted))


def incident(
    kind: str, order: OrderRow, at: Context, said: str = "", *, theirs: Money | None = None
) -> AddIncident:
    """See `bot.notifications.incidents`."""
    return about_order(kind, order, at.merchant, id=at.ids.uuid(), now_ms=at.now_ms, said=said, theirs=theirs)
