"""Builds what a merchant's staff hear of payments: each one at once, or how many there were. Pure.

They prove nothing to a stranger: whoever is shown one looks the reference up.
"""

from collections.abc import Mapping, Sequence

from bot.dialog import Address, Moment, Name, Number, Text, Value, View
from bot.money import Money
from bot.notifications.queueing import NewId, queue
from bot.store.base import Queue
from bot.store.records import MessageKind, OrderRow

__all__ = ["Targets", "busy_notices", "count_notices", "payment_notices"]

# A person and an address each.
Targets = Sequence[tuple[str, Address]]


def payment_notices(
    order: OrderRow, merchant: Name, region: str, staff_id: str, targets: Targets, now_ms: int, new_id: NewId
) -> tuple[Queue, ...]:
    """Of one payment, at once."""
    values: dict[str, Value] = {
        "merchant": merchant,
        "amount": Money(order.amount_minor, order.currency),
        "payer": Number(order.payer, region=region),
        "when": Moment(now_ms, hour=True),
        "code": order.code,
    }
    return _to(targets, "announce.paid", values, f"paid:{staff_id}:{order.id}", now_ms, new_id)


def busy_notices(
    merchant: Name, staff_id: str, targets: Targets, most: int, day_ms: int, now_ms: int, new_id: NewId
) -> tuple[Queue, ...]:
    """That there are too many to tell each, so that they are counted from now on."""
    values: dict[str, Value] = {"merchant": merchant, "count": most, "when": Moment(day_ms, hour=True)}
    return _to(targets, "announce.busy", values, f"busy:{staff_id}:{day_ms}", now_ms, new_id)


def count_notices(
    merchant: Name,
    staff_id: str,
    targets: Targets,
    sums: Sequence[tuple[str, int, int]],
    since_ms: int,
    due_ms: int,
    now_ms: int,
    new_id: NewId,
) -> tuple[Queue, ...]:
    """How many payments there were since then, and how much; one message for each currency."""
    found: tuple[Queue, ...] = ()
    for currency, count, minor in sums:
        values: dict[str, Value] = {
            "merchant": merchant,
            "payments": Text("count.one") if count == 1 else Text("count.many", {"count": count}),
            "since": Moment(since_ms, seen_ms=now_ms),
            "amount": Money(minor, currency),
        }
        key = f"count:{staff_id}:{due_ms}:{currency}"
        found += _to(targets, "announce.count", values, key, now_ms, new_id)
    return found


def _to(
    targets: Targets, sentence: str, values: Mapping[str, Value], key: str, now_ms: int, new_id: NewId
) -> tuple[Queue, ...]:
    view = View(text=Text(sentence, values), ends=True)
    return tuple(
        queue(
            view,
            MessageKind.PROMPT,
            target,
            person_id=person_id,
            dedupe_key=f"{key}:{target.kind}:{target.value}",
            now_ms=now_ms,
            new_id=new_id,
        )
        for person_id, target in targets
    )
