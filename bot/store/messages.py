"""The outbox: what is to be said to whom, in which order, and what became of it."""

# Statements are put together from constant names of our own; values are always parameters.
# ruff: noqa: S608

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec

from bot.store.base import Conflict, DropMessages, MarkTold, Queue, Redrive, SettleMessage
from bot.store.records import MessageKind, MessageRow, MessageState
from bot.store.rows import MESSAGES, Tx

__all__ = [
    "by_state",
    "claim",
    "drop",
    "mark_told",
    "next_ms",
    "of_order",
    "queue",
    "redrive",
    "sent_to",
    "settle",
    "untold_result",
]

_URGENCY: Final = {kind: rank for rank, kind in enumerate(MessageKind)}

# ---- changes -------------------------------------------------------------------------------------

_NEXT: Final = "SELECT COALESCE(MAX(seq), 0) + 1 FROM messages"


def queue(tx: Tx, change: Queue) -> None:
    row = change.row
    if not row.address_value:
        return  # whoever it is for has been forgotten
    # Two messages of one commit bear the same millisecond, and clocks are set back.
    seq = tx.execute(_NEXT).fetchone()[0]
    # A copy of a leased message is a message of its own: nobody holds it yet.
    free = msgspec.structs.replace(row, fence=0, lease_until_ms=0)
    tx.execute(MESSAGES.insert, [*MESSAGES.write(free), _URGENCY[row.kind], seq])


_SETTLE: Final = """
    UPDATE messages SET state = ?, due_ms = COALESCE(?, due_ms), lease_until_ms = 0, sent_ref = ?,
        sent_ms = ?, error = ?
    WHERE id = ? AND fence = ? AND state = 'queued'
    RETURNING kind, order_id
"""
_KEEP_PENDING_REF: Final = """
    UPDATE orders SET pending_ref = ?
    WHERE id = ? AND state NOT IN ('SUCCESSFUL', 'FAILED', 'REVERSED')
"""


def settle(tx: Tx, change: SettleMessage) -> None:
    due_ms = change.due_ms if change.state is MessageState.QUEUED else None
    sent_ms = change.at_ms if change.state is MessageState.SENT else None
    outcome = (change.state.value, due_ms, change.sent_ref, sent_ms, change.error)
    row = tx.execute(_SETTLE, (*outcome, change.id, change.fence)).fetchone()
    if row is None:
        raise Conflict("message")
    kind, order_id = row
    told = change.state is MessageState.SENT and kind == MessageKind.REPLY.value
    if told and order_id is not None and change.sent_ref:
        tx.execute(_KEEP_PENDING_REF, (change.sent_ref, order_id))


_DROP: Final = """
    UPDATE messages SET state = 'dropped', lease_until_ms = 0
    WHERE order_id = ? AND kind = ? AND state = 'queued' AND lease_until_ms <= ?
    AND (? = '' OR (address_kind = ? AND address_value = ?))
"""


def drop(tx: Tx, change: DropMessages, now_ms: int) -> None:
    where = (change.address_kind, change.address_kind, change.address_value)
    tx.execute(_DROP, (change.order_id, change.kind.value, now_ms, *where))


_MARK_TOLD: Final = "UPDATE messages SET state = 'sent', sent_ms = ? WHERE id = ? AND state = 'dead'"


def mark_told(tx: Tx, change: MarkTold) -> None:
    tx.execute(_MARK_TOLD, (change.at_ms, change.id))


_REDRIVE: Final = """
    UPDATE messages SET state = 'queued', due_ms = ?, attempts = 0, lease_until_ms = 0, error = ''
    WHERE id = ? AND state = 'dead'
"""


def redrive(tx: Tx, change: Redrive) -> None:
    tx.execute(_REDRIVE, (change.at_ms, change.id))


# ---- the worker ----------------------------------------------------------------------------------

# The order within an address: results (urgency 0) before all else, then as they were queued.
_BEFORE: Final = """
    ((e.urgency = 0 AND m.urgency > 0) OR (NOT (e.urgency > 0 AND m.urgency = 0)
        AND (e.seq < m.seq OR (e.seq = m.seq AND e.id < m.id))))
"""
# What stands before a message of its address: one being sent, or one before it that has been due or
# tried. One scheduled for later and never tried holds nobody up.
_BEHIND: Final = f"""
    SELECT 1 FROM messages e
    WHERE e.state = 'queued' AND e.address_kind = m.address_kind AND e.address_value = m.address_value
    AND e.id <> m.id AND (
        e.lease_until_ms > ? OR ({_BEFORE} AND (e.due_ms <= ? OR e.attempts > 0))
    )
"""


# Counted when it begins, so that a message that kills its sender is given up in the end; whoever
# claims it sees the tries before this one.
_CLAIMED: Final = MESSAGES.select.replace("attempts", "attempts - 1")


def _but(without: int, resting: int) -> str:
    kinds = f"m.address_kind NOT IN ({', '.join('?' * without)}) AND" if without else ""
    return kinds + " NOT (m.address_kind = ? AND m.address_value = ?) AND" * resting


@lru_cache
def _claim_sql(kinds: int, without: int = 0, resting: int = 0) -> str:
    spacing = " ".join(["WHEN ? THEN ?"] * kinds)
    spaced = f"CASE m.address_kind {spacing} ELSE 0 END" if kinds else "0"
    # A last message from the future was sent before the clock was set back: it keeps nobody waiting.
    return f"""
        UPDATE messages SET fence = fence + 1, lease_until_ms = ?, attempts = attempts + 1
        WHERE id IN (
            SELECT m.id FROM messages m
            WHERE m.state = 'queued' AND m.due_ms <= ? AND m.lease_until_ms <= ?
            AND {_but(without, resting)} NOT EXISTS ({_BEHIND})
            AND NOT EXISTS (
                SELECT 1 FROM messages s
                WHERE s.sent_ms IS NOT NULL AND s.address_kind = m.address_kind
                AND s.address_value = m.address_value AND s.sent_ms <= ? AND s.sent_ms > ? - {spaced}
            )
            ORDER BY m.urgency, m.created_ms, m.seq, m.id LIMIT ?
        )
        RETURNING {_CLAIMED}, urgency, seq
    """


def claim(
    tx: Tx,
    now_ms: int,
    lease_ms: int,
    limit: int,
    spacing_ms: Mapping[str, int],
    without: Sequence[str] = (),
    resting: Sequence[tuple[str, str]] = (),
) -> tuple[MessageRow, ...]:
    spacing = [part for pair in spacing_ms.items() for part in pair]
    but = [*without, *(part for address in resting for part in address)]
    parameters: list[Any] = [now_ms + lease_ms, *[now_ms] * 2, *but, *[now_ms] * 4, *spacing, limit]
    rows = tx.execute(_claim_sql(len(spacing_ms), len(without), len(resting)), parameters).fetchall()
    claimed = [(row[-2], MESSAGES.read(row[:-2]), row[-1]) for row in rows]
    claimed.sort(key=lambda found: (found[0], found[1].created_ms, found[2], found[1].id))
    return tuple(message for _, message, _ in claimed)


# The soonest of an address is one that no earlier one holds up or overtakes; it then waits for the
# lease in its address and for the spacing.
_SOONEST_FIRST: Final = f"""
    SELECT m.due_ms, m.address_kind, (
        SELECT MAX(e.lease_until_ms) FROM messages e
        WHERE e.state = 'queued' AND e.address_kind = m.address_kind AND e.address_value = m.address_value
    ), (
        SELECT MAX(s.sent_ms) FROM messages s WHERE s.sent_ms IS NOT NULL AND s.sent_ms <= ?
        AND s.address_kind = m.address_kind AND s.address_value = m.address_value
    )
    FROM messages m
    WHERE m.state = 'queued' AND NOT EXISTS (
        SELECT 1 FROM messages e
        WHERE e.state = 'queued' AND e.address_kind = m.address_kind AND e.address_value = m.address_value
        AND e.id <> m.id AND {_BEFORE} AND (e.attempts > 0 OR e.due_ms <= m.due_ms)
    )
    ORDER BY m.due_ms
"""


@lru_cache
def _soonest_sql(without: int, resting: int) -> str:
    return _SOONEST_FIRST.replace("AND NOT EXISTS", f"AND {_but(without, resting)} NOT EXISTS", 1)


def next_ms(
    tx: Tx,
    now_ms: int,
    spacing_ms: Mapping[str, int],
    without: Sequence[str] = (),
    resting: Sequence[tuple[str, str]] = (),
) -> int | None:
    """The soonest moment at which `claim` finds something."""
    soonest: int | None = None
    but = [*without, *(part for address in resting for part in address)]
    found = tx.execute(_soonest_sql(len(without), len(resting)), (now_ms, *but))
    # Row by row: in a long queue the first few settle it.
    while (row := found.fetchone()) is not None:
        due_ms, kind, lease_until_ms, sent_ms = row
        if soonest is not None and due_ms >= soonest:
            break
        spaced_ms = 0 if sent_ms is None else sent_ms + spacing_ms.get(kind, 0)
        at_ms = max(due_ms, lease_until_ms, spaced_ms)
        soonest = at_ms if soonest is None else min(soonest, at_ms)
    return soonest


# ---- reads ---------------------------------------------------------------------------------------

_OF_ORDER: Final = f"SELECT {MESSAGES.select} FROM messages WHERE order_id = ? ORDER BY created_ms, seq, id"
# One statement a state, in words: an index on some rows answers only what names them.
_BY_STATE: Final = {
    state: f"""
        SELECT {MESSAGES.select} FROM messages WHERE state = '{state.value}'
        ORDER BY created_ms DESC, id LIMIT ?
    """
    for state in MessageState
}
_SENT_TO: Final = f"""
    SELECT {MESSAGES.select} FROM messages
    WHERE address_kind = ? AND address_value = ? AND sent_ms IS NOT NULL AND sent_ms > ?
    AND person_id = (SELECT person_id FROM addresses WHERE kind = ? AND value = ? AND ended_ms IS NULL)
    ORDER BY sent_ms, seq LIMIT ?
"""


_UNTOLD: Final = f"""
    SELECT {MESSAGES.select} FROM messages WHERE state = 'dead' AND kind = 'result' AND person_id IN (?, '')
    AND (person_id <> '' OR (address_kind = 'msisdn' AND address_value = ?))
    ORDER BY created_ms DESC LIMIT 1
"""


def untold_result(tx: Tx, person_id: str, msisdn: str) -> MessageRow | None:
    return MESSAGES.one(tx, _UNTOLD, person_id, msisdn)


def of_order(tx: Tx, order_id: str) -> tuple[MessageRow, ...]:
    return MESSAGES.all(tx, _OF_ORDER, order_id)


def sent_to(tx: Tx, kind: str, value: str, after_ms: int, limit: int) -> tuple[MessageRow, ...]:
    return MESSAGES.all(tx, _SENT_TO, kind, value, after_ms, kind, value, limit)


def by_state(tx: Tx, state: MessageState, limit: int) -> tuple[MessageRow, ...]:
    return MESSAGES.all(tx, _BY_STATE[state], limit)
