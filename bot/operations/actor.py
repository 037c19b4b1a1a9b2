"""Who wants something done, by which name the request goes, and what comes of it. Values only."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from bot.dialog import Address
from bot.dialog.views import OrderView
from bot.money import Msisdn
from bot.store.base import Change, RenewAddress
from bot.store.records import AddressRow, PersonRow, StaffRow

__all__ = ["Actor", "EffectResult", "Operator", "RequestKey"]


class Actor(msgspec.Struct, frozen=True):
    """A person on an address, with the roles that are enrolled for this address.

    `channel` is kept with what they begin; nothing is decided by its name.
    """

    person: PersonRow
    address: Address
    channel: str
    verified: bool
    # The person's verified number, empty where there is none.
    msisdn: Msisdn
    staff: tuple[StaffRow, ...]
    address_row: AddressRow
    # The address alone does not prove who acts: anybody may hold the phone.
    needs_pin: bool
    # What is shown there can be written in the letters of phones only.
    plain_letters: bool
    # Whoever acts surely reads the answer, so that no message need repeat a result that stands in it.
    sees_answer: bool
    # What the address' value becomes once it is given more rights; empty where it stays.
    renewed: str = ""
    # Whose tries are counted together: see `Inbound.peer`.
    peer: str = ""

    @property
    def told(self) -> Address | None:
        """The address that reads a result as the answer of this very request."""
        return self.address if self.sees_answer else None

    def renewal(self, now_ms: int) -> tuple[Change, ...]:
        """The changes that put the address under its new value."""
        if not self.renewed:
            return ()
        return (RenewAddress(self.address.kind, self.address.value, self.renewed, now_ms),)


class Operator(msgspec.Struct, frozen=True):
    """Whoever runs the service, and has its machine. `name` as they gave it, where they were asked."""

    name: str = ""


class RequestKey(msgspec.Struct, frozen=True):
    """Names one request: sent twice, it is done once.

    `scope` says among whose requests `key` is unique. In a conversation it is the conversation's id, and
    `key` the position of the act in its journal. Elsewhere `key` is a text of the caller's, and `scope`,
    which has no slash, names the caller.
    """

    scope: str
    key: int | str

    @property
    def columns(self) -> tuple[str, int]:
        """The request in the rows of orders and approvals: `conversation_id` and `act_position`, which are
        unique together. A text does not fit into a position, so that it stands behind its scope."""
        if isinstance(self.key, int):
            return self.scope, self.key
        return f"{self.scope}/{self.key}", 0


class EffectResult(msgspec.Struct, frozen=True):
    """What an act gives back: changes to commit, and its result or the call that brings it.

    A call's outcome has a commit of its own because it is about money: it must not fall with a turn that
    lost its conversation to another channel meanwhile.
    """

    changes: tuple[Change, ...] = ()
    # What the flow gets, where it is known now.
    result: Any = None
    # To be made once `changes` are committed; it commits its own outcome and returns the result.
    provider_call: Callable[[], Awaitable[Any]] | None = None
    # Whoever acts, as changed by this act.
    person: PersonRow | None = None
    # The order that the act begins; or one begun before, which `goes_on`.
    payment: OrderView | None = None
    goes_on: bool = False
    # Changes for the caller's next commit, once `provider_call` has come to a good end.
    then: tuple[Change, ...] = ()
