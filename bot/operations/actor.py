"""Who wants something done, and what is to be done for it. Values only."""

from typing import Any

import msgspec

from bot.dialog import Address
from bot.dialog.views import OrderView
from bot.money import Msisdn
from bot.store.base import Change, RenewAddress
from bot.store.records import AddressRow, PersonRow, StaffRow

__all__ = ["EffectResult", "Actor"]


class Actor(msgspec.Struct, frozen=True):
    """Who speaks, from where, in which conversation."""

    person: PersonRow
    address: Address
    channel: str
    verified: bool
    conversation_id: str
    msisdn: Msisdn
    staff: tuple[StaffRow, ...]
    address_row: AddressRow
    # What the address' value becomes once it is given more rights; empty where it stays.
    renewed: str = ""
    # Whose tries are counted together: see `Inbound.peer`.
    peer: str = ""

    def renewal(self, now_ms: int) -> tuple[Change, ...]:
        """The changes that put the address under its new value."""
        if not self.renewed:
            return ()
        return (RenewAddress(self.address.kind, self.address.value, self.renewed, now_ms),)


class EffectResult(msgspec.Struct, frozen=True):
    """An act's changes. `provider_call` is the call to make after they are committed, where one is needed;
    it commits its own outcome and returns the result. Else `result` is known now. `person`: as changed.
    `payment` is the one that it begins, or that `goes_on`. `then`: changes for the turn's own commit, once
    `provider_call` has come to a good end.

    The outcome has a commit of its own because it is about money: it must not fall with a turn that
    lost its conversation to another channel meanwhile.
    """

    changes: tuple[Change, ...] = ()
    result: Any = None
    provider_call: Any = None  # Callable[[], Awaitable[Any]] | None; msgspec cannot name a callable
    person: PersonRow | None = None
    payment: OrderView | None = None
    goes_on: bool = False
    then: tuple[Change, ...] = ()
