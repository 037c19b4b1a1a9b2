"""Switches payouts and refunds of all merchants on or off."""

from typing import Any, Final

import structlog

from bot.admin.base import AdminContext, CommandError
from bot.store.base import SetSwitch
from bot.store.records import SwitchRow

__all__ = ["payouts_status", "payouts_switch"]

_log = structlog.get_logger("payouts")

# As `CreateOrder` looks it up.
_NAME: Final = "payouts"
_WORDS_AT_MOST: Final = 200


async def payouts_switch(ctx: AdminContext, values: dict[str, Any]) -> dict[str, Any]:
    """`off`, `by` and `reason` (which switching on may leave out): holds from the next order on, for every
    process of this database. What stands so already stays as it is, with who switched it."""
    off = bool(values.get("off"))
    by, reason = (str(values.get(name, "")).strip()[:_WORDS_AT_MOST] for name in ("by", "reason"))
    if not by or (off and len(reason) < 4):
        raise CommandError("Say who you are (--by) and why payouts stop (--reason): both are shown to staff.")
    kept = await ctx.store.switch(_NAME)
    if (kept is not None and kept.is_off) is off:
        return {**_shown(kept), "changed": False}
    row = SwitchRow(name=_NAME, is_off=off, who=by, reason=reason, at_ms=ctx.clock())
    await ctx.store.commit([SetSwitch(row)])
    _log.info("payouts switched", off=off, by=by, reason=reason)
    return {**_shown(row), "changed": True}


async def payouts_status(ctx: AdminContext, values: dict[str, Any]) -> dict[str, Any]:
    """Whether money may leave, since when, who said so, and why."""
    return _shown(await ctx.store.switch(_NAME))


def _shown(row: SwitchRow | None) -> dict[str, Any]:
    if row is None:
        return {"off": False, "since_ms": None, "by": "", "reason": ""}
    return {"off": row.is_off, "since_ms": row.at_ms, "by": row.who, "reason": row.reason}
