"""When an open order is asked about next, and until when. Pure; the schedule is the provider's."""

from bot.orders.rules.context import Context
from bot.store.records import OrderRow

__all__ = ["deadline_ms", "first_deadline_ms", "next_ask_ms", "passed_s"]


def deadline_ms(at: Context) -> int:
    """When a request answered or lost now is UNRESOLVED."""
    return at.now_ms + int(at.schedule_s[-1] * 1000)


def first_deadline_ms(order: OrderRow, at: Context) -> int | None:
    """The deadline of an order that has none yet. One that stands is not written again: it may have been
    moved along with a clock that was set back since the order was read."""
    return deadline_ms(at) if order.deadline_ms is None else None


def passed_s(at: Context, *, since_ms: int, asks: int) -> float:
    """How long ago `since_ms` is at the answer to asking number `asks`: where it is yet to come, the clock
    was set back, and what the schedule's pauses say counts."""
    if since_ms > at.now_ms:
        return at.schedule_s[min(asks, len(at.schedule_s)) - 1]
    return (at.now_ms - since_ms) / 1000


def next_ask_ms(order: OrderRow, at: Context, *, since_ms: int, asks: int) -> int:
    """The schedule's next moment, never sooner than the spacing after the last asking."""
    step = min(asks, len(at.schedule_s) - 1)
    offset_s = at.schedule_s[step]
    # What was accepted at a time that is yet to come was accepted before the clock was set back: from
    # then on only the schedule's pauses count.
    due_ms = since_ms + int(offset_s * 1000) if since_ms <= at.now_ms else at.now_ms
    if order.asked_ms is not None or asks:
        last_ms = at.now_ms if asks else min(order.asked_ms or 0, at.now_ms)
        gap_s = offset_s - at.schedule_s[step - 1] if step else offset_s
        due_ms = max(due_ms, last_ms + int(max(gap_s, 1.0) * 1000))
    return max(due_ms, at.now_ms)
