"""Which of a merchant's staff hear of each payment, and what they are told as a sum instead."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from bot.store.intents.messages import Queue
from bot.store.records import AnnouncingRow

__all__ = ["Announce", "AnnouncingIntents", "HeldBack", "KeepAnnouncing", "StopAnnouncing", "TellHeldBack"]


class KeepAnnouncing(msgspec.Struct, frozen=True):
    """Switch announcements on for a role. Where they are on, its quiet hours alone are changed."""

    row: AnnouncingRow


class StopAnnouncing(msgspec.Struct, frozen=True):
    """Switch them off. What was held back is told no more."""

    staff_id: str


class Announce(msgspec.Struct, frozen=True):
    """Tell a role of a payment that the same commit settles, at once or with others later.

    At once `messages` are queued. It is held back with others that wait; until `quiet_until_ms` where that is
    given; and once the merchant has more than `most` of the last hour, until `day_ms`: `busy` is queued then,
    and from there on a count a day is told. Nothing happens where announcements were switched off.
    """

    staff_id: str
    order_id: str
    merchant_id: str
    at_ms: int
    messages: tuple[Queue, ...]
    busy: tuple[Queue, ...]
    most: int
    day_ms: int
    quiet_until_ms: int | None = None


class TellHeldBack(msgspec.Struct, frozen=True):
    """What was held back of a role up to `last` is told, or is over. Conflict("announcing") where `due_ms` is
    not its time any more: another process told it. Each payment is told at once again where no more than
    `most` were held back since the last count."""

    staff_id: str
    due_ms: int
    last: int
    most: int
    at_ms: int


class HeldBack(msgspec.Struct, frozen=True):
    """What waits to be told: how many payments and how much, by currency, as they stand; since when; and the
    number of the last."""

    sums: tuple[tuple[str, int, int], ...]
    since_ms: int
    last: int


class AnnouncingIntents(Protocol):
    async def announcing(self, staff_id: str) -> AnnouncingRow | None:
        """None where the role hears of no payment."""
        ...

    async def announcing_due(self, now_ms: int, limit: int) -> Sequence[AnnouncingRow]:
        """Those whose count is due, earliest first."""
        ...

    async def next_announcing_ms(self) -> int | None:
        """When the next count is due."""
        ...

    async def held_back(self, staff_id: str) -> HeldBack: ...
