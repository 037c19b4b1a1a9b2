"""The inbox: updates of chats, from their receipt until their turn commits; then only their ids."""

# Statements are put together from constant names of our own; values are always parameters.
# ruff: noqa: S608

from typing import Final

from bot.store.base import EndUpdate
from bot.store.records import UpdateRow
from bot.store.rows import INBOX, Tx

__all__ = ["claim", "end", "receive", "release"]

# What is only remembered keeps neither what was said nor who said it.
_END: Final = """
    UPDATE inbox SET body = NULL, chat = '', lease_until_ms = 0
    WHERE source = ? AND update_id = ? AND body IS NOT NULL
"""


def end(tx: Tx, change: EndUpdate) -> None:
    tx.execute(_END, (change.source, change.update_id))


def receive(tx: Tx, row: UpdateRow) -> bool:
    return tx.execute(INBOX.insert, INBOX.write(row)).rowcount == 1


# A try counts when it begins; whoever claims it sees the tries before this one.
_CLAIMED: Final = INBOX.select.replace("attempts", "attempts - 1")
# Update ids rise as things were said, also where the deliveries overtook one another.
_CLAIM: Final = f"""
    UPDATE inbox SET fence = fence + 1, attempts = attempts + 1, lease_until_ms = ?
    WHERE source = ? AND update_id IN (
        SELECT i.update_id FROM inbox i
        WHERE i.source = ? AND i.body IS NOT NULL AND i.due_ms <= ? AND i.lease_until_ms <= ?
        AND NOT EXISTS (
            SELECT 1 FROM inbox e
            WHERE e.source = i.source AND e.chat = i.chat AND e.body IS NOT NULL AND (
                e.update_id < i.update_id OR e.lease_until_ms > ?
            )
        )
        ORDER BY i.received_ms, i.update_id LIMIT ?
    )
    RETURNING {_CLAIMED}
"""


def claim(tx: Tx, source: str, now_ms: int, lease_ms: int, limit: int) -> tuple[UpdateRow, ...]:
    rows = INBOX.all(tx, _CLAIM, now_ms + lease_ms, source, source, now_ms, now_ms, now_ms, limit)
    return tuple(sorted(rows, key=lambda row: (row.received_ms, row.update_id)))


_LATER: Final = """
    UPDATE inbox SET due_ms = ?, lease_until_ms = 0
    WHERE source = ? AND update_id = ? AND fence = ? AND body IS NOT NULL
"""
_GIVE_UP: Final = """
    UPDATE inbox SET body = NULL, chat = '', lease_until_ms = 0
    WHERE source = ? AND update_id = ? AND fence = ? AND body IS NOT NULL
"""


def release(tx: Tx, source: str, update_id: int, fence: int, retry_ms: int, give_up: bool) -> None:
    if give_up:
        tx.execute(_GIVE_UP, (source, update_id, fence))
    else:
        tx.execute(_LATER, (retry_ms, source, update_id, fence))
