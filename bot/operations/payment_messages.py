"""Payment messages: a role hears of each payment to its merchant, or does not."""

from bot.dialog import views as v
from bot.money import Right
from bot.operations.actor import Actor, EffectResult
from bot.operations.staff_roles import StaffRoles
from bot.runtime.clock import Clock
from bot.store.base import Change, KeepAnnouncing, StopAnnouncing, Store
from bot.store.records import AnnouncingRow

__all__ = ["PaymentMessages"]


class PaymentMessages:
    """What a role hears of payments, and when not."""

    def __init__(self, store: Store, roles: StaffRoles, clock: Clock) -> None:
        self._store = store
        self._roles = roles
        self._clock = clock

    async def shown(self, actor: Actor, staff_id: str) -> v.PaymentMessages:
        role = await self._roles.acting(staff_id, Right.MESSAGES, actor)
        row = None if isinstance(role, str) else await self._store.announcing(staff_id)
        if row is None:
            return v.PaymentMessages()
        return v.PaymentMessages(on=True, quiet_from=row.quiet_from, quiet_until=row.quiet_until)

    async def choose(
        self, actor: Actor, *, staff_id: str, on: bool, quiet_from: int, quiet_until: int
    ) -> EffectResult:
        """Switch them on or off; on, with the hours in which nothing is said. Said twice, it is done once."""
        role = await self._roles.acting(staff_id, Right.MESSAGES, actor)
        if isinstance(role, str):
            return EffectResult(result=v.Done(ok=False))
        change: Change = StopAnnouncing(staff_id)
        if on:
            change = KeepAnnouncing(AnnouncingRow(staff_id, self._clock(), quiet_from, quiet_until))
        return EffectResult((change,), v.Done())
