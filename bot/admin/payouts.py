"""Switches payouts and refunds of all merchants on or off."""

from typing import Any

import msgspec
import structlog

from bot.admin.base import AdminContext, CommandError
from bot.dialog.views import PayoutSwitch
from bot.operations.actor import Operator

__all__ = ["payouts_status", "payouts_switch"]

_log = structlog.get_logger("payouts")


async def payouts_switch(ctx: AdminContext, values: dict[str, Any]) -> dict[str, Any]:
    """`off`, `by` and `reason` (which switching on may leave out): holds from the next order on, for every
    process of this database. What stands so already stays as it is, with who switched it."""
    by, reason = (str(values.get(name, "")).strip() for name in ("by", "reason"))
    switch = ctx.operations.payout_switch
    outcome = await switch.switch(Operator(by), off=bool(values.get("off")), reason=reason)
    view: PayoutSwitch = outcome.result
    if view.refused:
        raise CommandError("Say who you are (--by) and why payouts stop (--reason): both are shown to staff.")
    await ctx.store.commit(outcome.changes)
    if outcome.changes:
        _log.info("payouts switched", off=view.off, by=view.by, reason=view.reason)
    return {**_shown(view), "changed": bool(outcome.changes)}


async def payouts_status(ctx: AdminContext, values: dict[str, Any]) -> dict[str, Any]:
    """Whether money may leave, since when, who said so, and why."""
    return _shown(await ctx.operations.payout_switch.status(ctx.operator))


def _shown(view: PayoutSwitch) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(view).items() if name != "refused"}
