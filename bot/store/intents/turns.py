"""What is said: turns, their sessions and conversations, and the inbox their messages wait in."""

from typing import Protocol

import msgspec

from bot.store.records import (
    AddressRow,
    ConversationRow,
    OrderRow,
    PersonRow,
    SessionRow,
    StaffRow,
    TurnRow,
    UpdateRow,
)

__all__ = [
    "EndUpdate",
    "KeepTurn",
    "LoadedTurn",
    "SaveConversation",
    "SaveSession",
    "TurnIntents",
    "TurnQuery",
]


class SaveConversation(msgspec.Struct, frozen=True):
    """Insert where `expected` is None, else update where the kept version is `expected`.

    The row carries the new version. Conflict("conversation") where another version is kept, or where
    a second conversation of the person would be active.
    """

    row: ConversationRow
    expected: int | None


class SaveSession(msgspec.Struct, frozen=True):
    """Insert, or update by id. Conflict("session") where another row has its (gateway, session id, msisdn,
    generation)."""

    row: SessionRow


class KeepTurn(msgspec.Struct, frozen=True):
    """Keep a delivery. A RUNNING row may be replaced by its outcome, or, once its lease is over, by
    another RUNNING; a DONE row never: Conflict("turn")."""

    row: TurnRow


class EndUpdate(msgspec.Struct, frozen=True):
    """Delete an inbox row: its turn commits here. Its id stays remembered against repeats."""

    source: str
    update_id: int


class TurnQuery(msgspec.Struct, frozen=True):
    """What a turn needs. `gateway` and `session_id` empty on chats; then `scope` names the turns."""

    address_kind: str
    address_value: str
    scope: str = ""
    key: str = ""
    gateway: str = ""
    session_id: str = ""


class LoadedTurn(msgspec.Struct, frozen=True):
    """What is kept about an inbound message's person, in one read.

    `conversation` is the person's active one; `session` the newest generation of the session and
    `session_conversation` the one it points to; `turn` the row of this delivery, looked up by
    (scope or the session row's id, key); `last_turn` the session's newest turn. `needs_otp` is the
    person's newest order waiting for its code.
    """

    person: PersonRow | None = None
    address: AddressRow | None = None
    addresses: tuple[AddressRow, ...] = ()
    conversation: ConversationRow | None = None
    session: SessionRow | None = None
    session_conversation: ConversationRow | None = None
    turn: TurnRow | None = None
    last_turn: TurnRow | None = None
    needs_otp: OrderRow | None = None
    staff: tuple[StaffRow, ...] = ()


class TurnIntents(Protocol):
    async def load_turn(self, query: TurnQuery) -> LoadedTurn: ...

    async def conversation(self, conversation_id: str) -> ConversationRow | None: ...

    async def receive(self, row: UpdateRow) -> bool:
        """Keep an update durably; False where it (source, update id) is or was known."""
        ...

    async def claim_updates(
        self, source: str, now_ms: int, lease_ms: int, limit: int
    ) -> tuple[UpdateRow, ...]:
        """Lease waiting updates, the oldest of each chat only, chats in order of arrival.

        `attempts` counts the tries before this one, also those whose turn died.
        """
        ...

    async def release_update(
        self, source: str, update_id: int, fence: int, retry_ms: int, give_up: bool
    ) -> None:
        """Give an update back until the time `retry_ms`, or drop its body for good; its chat waits with it.

        Does nothing where the lease has passed on.
        """
        ...
