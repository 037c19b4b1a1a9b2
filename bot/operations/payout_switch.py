"""Switches payouts and refunds of all merchants on or off."""

from typing import Final

from bot.dialog import views as v
from bot.operations.actor import EffectResult, Operator
from bot.runtime.clock import Clock
from bot.store.base import SetSwitch, Store
from bot.store.records import SwitchRow

__all__ = ["PayoutSwitch"]

# As `CreateOrder` looks it up.
_NAME: Final = "payouts"
_WORDS_AT_MOST: Final = 200
_LEAST_REASON: Final = 4


class PayoutSwitch:
    """What an operator does with the payouts of all merchants: see whether they are on, switch them."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def status(self, operator: Operator) -> v.PayoutSwitch:
        return _shown(await self._store.switch(_NAME))

    async def switch(self, operator: Operator, *, off: bool, reason: str) -> EffectResult:
        """Holds from the next order on, for every process of this database. What stands so already stays as
        it is, with who switched it. Both who and why are shown to staff; switching on needs no reason."""
        by, reason = operator.name[:_WORDS_AT_MOST], reason[:_WORDS_AT_MOST]
        if not by or (off and len(reason) < _LEAST_REASON):
            return EffectResult(result=v.PayoutSwitch(refused="unsigned"))
        kept = await self._store.switch(_NAME)
        if (kept is not None and kept.is_off) is off:
            return EffectResult(result=_shown(kept))
        row = SwitchRow(name=_NAME, is_off=off, who=by, reason=reason, at_ms=self._clock())
        return EffectResult((SetSwitch(row),), _shown(row))


def _shown(row: SwitchRow | None) -> v.PayoutSwitch:
    return v.PayoutSwitch() if row is None else v.PayoutSwitch(row.is_off, row.at_ms, row.who, row.reason)
