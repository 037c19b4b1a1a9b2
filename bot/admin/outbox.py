"""Lists messages that reached nobody, and queues them again."""

from typing import Any, Final

from bot.admin.base import AdminContext, CommandError
from bot.store.base import Redrive
from bot.store.records import MessageRow, MessageState

__all__ = ["outbox_list", "outbox_redrive"]

_SHOWN_AT_MOST: Final = 500
# After a restore whatever waited is dead. Turns wait behind no more at once than the lesser figure.
_REDRIVEN_AT_MOST: Final = 100_000
_AT_ONCE: Final = 500


async def outbox_list(ctx: AdminContext, values: dict[str, Any]) -> list[dict[str, Any]]:
    """Messages in `state` (dead unless given), newest first."""
    wanted = str(values.get("state", "dead")).lower()
    if wanted not in {state.value for state in MessageState}:
        raise CommandError(f"A state is one of {', '.join(s.value for s in MessageState)}.")
    limit = max(1, min(int(values.get("limit", 50)), _SHOWN_AT_MOST))
    return [await _line(ctx, row) for row in await ctx.store.messages(MessageState(wanted), limit)]


async def outbox_redrive(ctx: AdminContext, values: dict[str, Any]) -> dict[str, Any]:
    """`id` of a dead message (its beginning is enough), or `all`: queued again, as if new."""
    dead = await ctx.store.messages(MessageState.DEAD, _REDRIVEN_AT_MOST)
    wanted = str(values.get("id", "")).strip()
    chosen = (
        list(dead) if values.get("all") else [row for row in dead if wanted and row.id.startswith(wanted)]
    )
    if not chosen:
        raise CommandError("No dead message fits; see: kasapay outbox list")
    for start in range(0, len(chosen), _AT_ONCE):
        await ctx.store.commit([Redrive(row.id, ctx.clock()) for row in chosen[start : start + _AT_ONCE]])
    ctx.wake()
    return {"queued": len(chosen)}


async def _line(ctx: AdminContext, row: MessageRow) -> dict[str, Any]:
    order = await ctx.store.order(row.order_id) if row.order_id else None
    return {
        "id": row.id[:8],
        "kind": row.kind.value,
        "to": row.address_kind,
        "order": order.code if order else "",
        "attempts": row.attempts,
        "error": row.error,
        "created_ms": row.created_ms,
    }
