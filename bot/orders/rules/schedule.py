"""When an open order is polled next, and until when. Pure; the schedule is the provider's."""

from bot.orders.rules.context import SettlementContext
from bot.store.records import OrderRow

__all__ = ["deadline_ms", "first_deadline_ms", "next_poll_ms", "passed_s"]


def deadline_ms(ctx: SettlementContext) -> int:
    """When a request answered or lost now is UNRESOLVED."""
    return ctx.now_ms + int(ctx.schedule_s[-1] * 1000)


def first_deadline_ms(order: OrderRow, ctx: SettlementContext) -> int | None:
    """The deadline of an order that has none yet. One that stands is not written again: it may have been
    moved along with a clock that was set back since the order was read."""
    return deadline_ms(ctx) if order.deadline_ms is None else None


def passed_s(ctx: SettlementContext, *, since_ms: int, polls: int) -> float:
    """How long ago `since_ms` is at the answer to asking number `polls`: where it is yet to come, the clock
    was set back, and what the schedule's pauses say counts."""
    if since_ms > ctx.now_ms:
        return ctx.schedule_s[min(polls, len(ctx.schedule_s)) - 1]
    return (ctx.now_ms - since_ms) / 1000


def next_poll_ms(order: OrderRow, ctx: SettlementContext, *, since_ms: int, polls: int) -> int:
    """The schedule's next moment, never sooner than the spacing after the last asking."""
    step = min(polls, len(ctx.schedule_s) - 1)
    offset_s = ctx.schedule_s[step]
    # What was accepted at a time that is yet to come was accepted before the clock was set back: from
    # then on only the schedule's pauses count.
    due_ms = since_ms + int(offset_s * 1000) if since_ms <= ctx.now_ms else ctx.now_ms
    if order.last_polled_ms is not None or polls:
        last_ms = ctx.now_ms if polls else min(order.last_polled_ms or 0, ctx.now_ms)
        gap_s = offset_s - ctx.schedule_s[step - 1] if step else offset_s
        due_ms = max(due_ms, last_ms + int(max(gap_s, 1.0) * 1000))
    return max(due_ms, ctx.now_ms)
