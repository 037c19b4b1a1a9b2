"""When an open order is asked about next, and until when. Pure; the schedule is the provider's."""

from bot.settle.changes import Context
from bot.store.records import OrderRow

__all__ = ["deadline_ms", "next_ask_ms"]


def deadline_ms(at: Context) -> int:
    """When a request answered or lost now is UNRESOLVED."""
    return at.now_ms + int(at.schedule_s[-1] * 1000)


def next_ask_ms(order: OrderRow, at: Context, *, since_ms: int, asks: int) -> int:
    """The schedule's next moment, never sooner than the spacing after the last asking."""
    offset_s = at.schedule_s[min(asks, len(at.schedule_s) - 1)]
    # What was accepted at a time that is yet to come was accepted before the clock was set back: from
    # then on only the schedule's pauses count.
    due_ms = since_ms + int(offset_s * 1000) if since_ms <= at.now_ms else at.now_ms
    if order.asked_ms is not None or asks:
        last_ms = at.now_ms if asks else min(order.asked_ms or 0, at.now_ms)
        gap_s = offset_s - at.schedule_s[asks - 1] if 0 < asks < len(at.schedule_s) else at.schedule_s[0]
        due_ms = max(due_ms, last_ms + int(max(gap_s, 1.0) * 1000))
    return max(due_ms, at.now_ms)
