"""Messages to people: queued, sent in their order, and what became of them."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from bot.store.records import MessageKind, MessageRow, MessageState

__all__ = [
    "DropMessages",
    "MarkTold",
    "MessageIntents",
    "Queue",
    "Redrive",
    "SettleMessage",
]


class Queue(msgspec.Struct, frozen=True):
    """Queue a message, held by nobody; a second one with its dedupe key is left out silently."""

    row: MessageRow


class SettleMessage(msgspec.Struct, frozen=True):
    """Record what became of a leased message. Conflict("message") where the lease has passed on.

    QUEUED with a later `due_ms` tries again; a sent message of kind REPLY that belongs to an open
    order leaves its `sent_ref` on the order as `pending_ref`.
    """

    id: str
    fence: int
    state: MessageState
    at_ms: int
    due_ms: int = 0
    sent_ref: str = ""
    error: str = ""


class DropMessages(msgspec.Struct, frozen=True):
    """Mark the order's queued, unleased messages of this kind DROPPED; with an address only its own."""

    order_id: str
    kind: MessageKind
    address_kind: str = ""
    address_value: str = ""


class MarkTold(msgspec.Struct, frozen=True):
    """A DEAD message was read in a turn instead: it is SENT. Nothing where it is not DEAD any more."""

    id: str
    at_ms: int


class Redrive(msgspec.Struct, frozen=True):
    """A DEAD message is queued again, due at `at_ms`, its tries forgotten. Nothing where it is not DEAD."""

    id: str
    at_ms: int


class MessageIntents(Protocol):
    async def claim_messages(
        self,
        now_ms: int,
        lease_ms: int,
        limit: int,
        spacing_ms: Mapping[str, int],
        without: Sequence[str] = (),
        resting: Sequence[tuple[str, str]] = (),
    ) -> tuple[MessageRow, ...]:
        """Lease due messages to kinds of address not in `without`, and addresses (kind, value) not in
        `resting`: results before replies before prompts, then oldest first. Within one address results go
        first and all else in the order of creation, one at a time, and `spacing_ms[kind]` after the last
        sent (kinds without an entry need no spacing). A message scheduled for later and never tried holds
        nobody up; one that is to be tried again holds up those after it. `attempts` counts the tries before
        this one, also those whose sender died."""
        ...

    async def next_message_ms(
        self,
        spacing_ms: Mapping[str, int] = ...,
        without: Sequence[str] = (),
        resting: Sequence[tuple[str, str]] = (),
    ) -> int | None:
        """When `claim_messages` with this spacing, and without these, next finds something."""
        ...

    async def untold_result(self, person_id: str, msisdn: str) -> MessageRow | None:
        """The person's newest result that no channel could bring them (DEAD); or one that nobody had been
        known for, to the number they speak from now, where they do from one."""
        ...

    async def messages_of_order(self, order_id: str) -> tuple[MessageRow, ...]: ...

    async def sent_messages(self, kind: str, value: str, after_ms: int, limit: int) -> tuple[MessageRow, ...]:
        """What was SENT to an address' present owner after a time, oldest first: a web chat's history."""
        ...

    async def messages(self, state: MessageState, limit: int) -> tuple[MessageRow, ...]: ...
