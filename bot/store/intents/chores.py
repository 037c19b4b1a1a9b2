"""What serves everything else: rates, provider events, incidents, the audit, the clock, forgetting."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from bot.store.records import Incident, OrderRow, RecheckRow, Restore, WebhookRow

__all__ = [
    "AddIncident",
    "ChoreIntents",
    "EndRecheck",
    "Figures",
    "Finding",
    "KeepRecheck",
    "KeepWebhook",
    "PutOffRecheck",
]


class KeepWebhook(msgspec.Struct, frozen=True):
    """Insert; a repeat of (account, event, references) is left out silently."""

    row: WebhookRow


class AddIncident(msgspec.Struct, frozen=True):
    """Insert; a repeat of the dedupe key is left out silently."""

    row: Incident


class KeepRecheck(msgspec.Struct, frozen=True):
    """Insert; where one waits for the order already, that one stays."""

    row: RecheckRow


class EndRecheck(msgspec.Struct, frozen=True):
    """It was looked into. Where the provider has spoken again since the claim, it is due anew, `again_ms` at
    the latest; where another has claimed it meanwhile, nothing happens."""

    row: RecheckRow
    again_ms: int


class PutOffRecheck(msgspec.Struct, frozen=True):
    """Nobody could say: due again then. Nothing happens where another has claimed it meanwhile."""

    row: RecheckRow
    due_ms: int


class Finding(msgspec.Struct, frozen=True):
    """Something that must never be: which rule is broken, of which order (its code), and how."""

    rule: str
    order: str
    detail: str


class Figures(msgspec.Struct, frozen=True):
    """How many there are of what an operator watches; what there is none of is left out."""

    # By account and state, of what is not final; with the time the oldest was made.
    open_orders: Mapping[tuple[str, str], tuple[int, int]]
    # By account.
    doubtful_agreements: Mapping[str, int]
    # By kind, all that are kept.
    incidents: Mapping[str, int]
    # When the newest came; 0 where there is none.
    last_incident_ms: int
    # By kind of address and of message.
    dead_messages: Mapping[tuple[str, str], int]
    # By kind of address: those that wait to be sent.
    waiting_messages: Mapping[str, int]


class ChoreIntents(Protocol):
    async def count(self, bucket: str, window_ms: int, now_ms: int, limit: int) -> bool:
        """Count one use of `bucket`; False, uncounted, where `limit` uses lie within the window."""
        ...

    async def below(self, bucket: str, window_ms: int, now_ms: int, limit: int) -> bool:
        """Whether fewer than `limit` uses of `bucket` lie within the window; counts nothing."""
        ...

    async def claim_rechecks(self, now_ms: int, lease_ms: int, limit: int) -> tuple[RecheckRow, ...]:
        """Those that are due, earliest first, each with a new fence; due again after the lease."""
        ...

    async def next_recheck_ms(self) -> int | None:
        """When the next one falls due."""
        ...

    async def webhooks(self, limit: int) -> tuple[WebhookRow, ...]:
        """Newest first."""
        ...

    async def incidents(self, limit: int) -> tuple[Incident, ...]: ...

    async def figures(self) -> Figures:
        """Read at one moment, on the side: nobody waits for it."""
        ...

    async def overdue(self, now_ms: int, grace_ms: int) -> tuple[OrderRow, ...]:
        """Open orders more than `grace_ms` past their deadline (past their creation, where none is known
        yet) that nobody works on and that are not UNRESOLVED: oldest first. There should be none."""
        ...

    async def audit(self, now_ms: int, remembered_ms: int, grace_ms: int) -> tuple[Finding, ...]:
        """What breaks a rule of the money, recomputed from the ledger: empty where all is well.

        Reads everything on a connection of its own, so nobody waits for it. `remembered_ms`: how long
        sent messages are kept; whether an older result was told cannot be said.
        """
        ...

    async def examine(self, pause_s: float = 0.0) -> Sequence[str]:
        """What is wrong with all that is kept, in the database's own words; empty where it is sound.

        Reads everything, a table at a time with a pause before each, on a connection of its own: nobody
        waits for it. Once something was found, nothing is committed any more. Raises StoreUnavailable.
        """
        ...

    async def restores(self) -> Sequence[Restore]:
        """Every time the database was put back from a copy, earliest first.

        It is noticed as the file is opened. Then every open order counts as perhaps sent: NEW and NEEDS_OTP
        become PENDING, each is due at once and bears `restored_ms`, and none goes again. What waited for a
        person or a process ends: messages are DEAD, updates forgotten, approvals expired, conversations and
        sessions ended. There is an incident.
        """
        ...

    async def pull_due(self, now_ms: int, lease_ms: int) -> None:
        """The clock was set back: whatever was written at a time that is yet to come is due as long after
        `now_ms` as it was after its writing. An order's deadline, and the time of its code, move along; no
        lease of anything lasts longer than `lease_ms` from now. Does not change `version`. Said again, it
        changes no order; a message that waits may come earlier. Done by itself as the store is opened."""
        ...

    async def purge(self, now_ms: int, journal_ms: int, remember_ms: int, stranger_ms: int) -> None:
        """Forget: journals and sessions older than `journal_ms`; update ids, turns, provider events and
        messages that are SENT or DROPPED older than `remember_ms`; used link codes and counted uses
        long past. DEAD messages stay until somebody has seen to them. Chats that nobody linked, that began no
        order and hold no role go with all that was said there, once they were silent for `stranger_ms`."""
        ...
