"""Rates, provider events, incidents, forgetting, and the store's proof that it can commit."""

# Statements are put together from constant names of our own; values are always parameters.
# ruff: noqa: S608

from collections.abc import Callable
from typing import Final

from bot.store.base import AddIncident, EndRecheck, KeepRecheck, KeepWebhook, PutOffRecheck
from bot.store.records import Incident, RecheckRow, WebhookRow
from bot.store.rows import INCIDENTS, RECHECKS, WEBHOOKS, Tx

__all__ = [
    "add_incident",
    "below",
    "claim_rechecks",
    "count",
    "end_recheck",
    "forgetting",
    "incidents",
    "keep_recheck",
    "keep_webhook",
    "next_recheck_ms",
    "probe",
    "probed",
    "pull_due",
    "put_off_recheck",
    "take_over",
    "webhooks",
]

# ---- rates ---------------------------------------------------------------------------------------

# A use that lies further ahead than the window was counted before the clock was set back.
_USES: Final = "SELECT COALESCE(SUM(uses), 0) FROM uses WHERE bucket = ? AND at_ms > ? AND at_ms < ?"
_COUNT: Final = """
    INSERT INTO uses (bucket, at_ms, uses, ends_ms) VALUES (?, ?, 1, ?)
    ON CONFLICT (bucket, at_ms) DO UPDATE SET uses = uses.uses + 1
"""


def below(tx: Tx, bucket: str, window_ms: int, now_ms: int, limit: int) -> bool:
    used = tx.execute(_USES, (bucket, now_ms - window_ms, now_ms + window_ms)).fetchone()[0]
    return bool(used < limit)


def count(tx: Tx, bucket: str, window_ms: int, now_ms: int, limit: int) -> bool:
    if not below(tx, bucket, window_ms, now_ms, limit):
        return False
    tx.execute(_COUNT, (bucket, now_ms, now_ms + window_ms))
    return True


# ---- webhooks, incidents -------------------------------------------------------------------------

_WEBHOOKS: Final = f"SELECT {WEBHOOKS.select} FROM webhooks ORDER BY received_ms DESC, id LIMIT ?"
_INCIDENTS: Final = f"SELECT {INCIDENTS.select} FROM incidents ORDER BY at_ms DESC, id LIMIT ?"


def keep_webhook(tx: Tx, change: KeepWebhook) -> None:
    tx.execute(WEBHOOKS.insert, WEBHOOKS.write(change.row))


def add_incident(tx: Tx, change: AddIncident) -> None:
    tx.execute(INCIDENTS.insert, INCIDENTS.write(change.row))


def webhooks(tx: Tx, limit: int) -> tuple[WebhookRow, ...]:
    return WEBHOOKS.all(tx, _WEBHOOKS, limit)


def incidents(tx: Tx, limit: int) -> tuple[Incident, ...]:
    return INCIDENTS.all(tx, _INCIDENTS, limit)


# ---- what final orders are to be asked once more ---------------------------------------------------

# A claim puts it off by its lease: whoever dies over it leaves it to the next.
_CLAIM_RECHECKS: Final = f"""
    UPDATE rechecks SET fence = fence + 1, due_ms = ?
    WHERE order_id IN (SELECT order_id FROM rechecks WHERE due_ms <= ? ORDER BY due_ms, order_id LIMIT ?)
    RETURNING {RECHECKS.select}
"""
_NEXT_RECHECK: Final = "SELECT MIN(due_ms) FROM rechecks"
_SPOKEN_OF_AGAIN: Final = """
    UPDATE rechecks SET tries = 0, since_ms = ?, due_ms = CASE WHEN due_ms < ? THEN due_ms ELSE ? END
    WHERE order_id = ? AND fence = ? AND news > ?
"""
_END_RECHECK: Final = "DELETE FROM rechecks WHERE order_id = ? AND fence = ? AND news = ?"
# What was said during the look is due sooner, and stays so.
_PUT_OFF: Final = """
    UPDATE rechecks SET tries = tries + 1, due_ms = CASE WHEN news > ? THEN due_ms ELSE ? END
    WHERE order_id = ? AND fence = ?
"""


def keep_recheck(tx: Tx, change: KeepRecheck) -> None:
    tx.execute(RECHECKS.insert, RECHECKS.write(change.row))


def end_recheck(tx: Tx, change: EndRecheck) -> None:
    row, again_ms = change.row, change.again_ms
    tx.execute(_SPOKEN_OF_AGAIN, (again_ms, again_ms, again_ms, row.order_id, row.fence, row.news))
    tx.execute(_END_RECHECK, (row.order_id, row.fence, row.news))


def put_off_recheck(tx: Tx, change: PutOffRecheck) -> None:
    row = change.row
    tx.execute(_PUT_OFF, (row.news, change.due_ms, row.order_id, row.fence))


def claim_rechecks(tx: Tx, now_ms: int, lease_ms: int, limit: int) -> tuple[RecheckRow, ...]:
    return RECHECKS.all(tx, _CLAIM_RECHECKS, now_ms + lease_ms, now_ms, limit)


def next_recheck_ms(tx: Tx) -> int | None:
    found: int | None = tx.execute(_NEXT_RECHECK).fetchone()[0]
    return found


# ---- forgetting ----------------------------------------------------------------------------------

# Each forgets the oldest few before a time and says how many: turns wait behind it no longer than that.
# Orders keep the (conversation, position) of their act, so forgetting a conversation frees none.
_FORGET_JOURNALS: Final = (
    "DELETE FROM conversations WHERE id IN"
    " (SELECT id FROM conversations WHERE updated_ms < ? ORDER BY updated_ms, id LIMIT ?)",
)
_FORGET_SESSIONS: Final = (
    "DELETE FROM sessions WHERE id IN"
    " (SELECT id FROM sessions WHERE last_ms < ? ORDER BY last_ms, id LIMIT ?)",
)
_FORGET_TURNS: Final = (
    "DELETE FROM turns WHERE (scope, key) IN"
    " (SELECT scope, key FROM turns WHERE at_ms < ? ORDER BY at_ms LIMIT ?)",
)
_FORGET_UPDATES: Final = (
    "DELETE FROM inbox WHERE (source, update_id) IN (SELECT source, update_id FROM inbox"
    " WHERE body IS NULL AND received_ms < ? ORDER BY received_ms LIMIT ?)",
)
_FORGET_WEBHOOKS: Final = (
    "DELETE FROM webhooks WHERE id IN"
    " (SELECT id FROM webhooks WHERE received_ms < ? ORDER BY received_ms, id LIMIT ?)",
)
# Their views hold numbers; what is dead waits for a person.
_FORGET_MESSAGES: Final = (
    "DELETE FROM messages WHERE id IN"
    " (SELECT id FROM messages WHERE created_ms < ? AND state IN ('sent', 'dropped')"
    " ORDER BY created_ms LIMIT ?)",
)
_FORGET_LINK_CODES: Final = (
    "DELETE FROM link_codes WHERE hash IN"
    " (SELECT hash FROM link_codes WHERE expires_ms < ? ORDER BY expires_ms LIMIT ?)",
)
_FORGET_USES: Final = (
    "DELETE FROM uses WHERE (bucket, at_ms) IN"
    " (SELECT bucket, at_ms FROM uses WHERE ends_ms < ? ORDER BY ends_ms LIMIT ?)",
)


def forgetting(now_ms: int, journal_ms: int, remember_ms: int) -> list[Callable[[Tx, int], int]]:
    """One function per kind: given how many at the most, forgets and returns how many went."""
    chores = (
        (_FORGET_JOURNALS, now_ms - journal_ms),
        (_FORGET_SESSIONS, now_ms - journal_ms),
        (_FORGET_TURNS, now_ms - remember_ms),
        (_FORGET_UPDATES, now_ms - remember_ms),
        (_FORGET_WEBHOOKS, now_ms - remember_ms),
        (_FORGET_MESSAGES, now_ms - remember_ms),
        (_FORGET_LINK_CODES, now_ms - journal_ms),
        (_FORGET_USES, now_ms),
    )
    return [_forgets(statements, before_ms) for statements, before_ms in chores]


def _forgets(statements: tuple[str, ...], before_ms: int) -> Callable[[Tx, int], int]:
    def forget(tx: Tx, at_most: int) -> int:
        # The last statement deletes the rows themselves.
        return [tx.execute(sql, (before_ms, at_most)).rowcount for sql in statements][-1]

    return forget


# ---- proof ---------------------------------------------------------------------------------------

_PROBE: Final = "UPDATE probes SET serial = serial + 1 WHERE id = 1 RETURNING serial"
_PROBED: Final = "SELECT serial FROM probes WHERE id = 1"


def probe(tx: Tx) -> int:
    """Writes, and returns what `probed` must then read."""
    serial: int = tx.execute(_PROBE).fetchone()[0]
    return serial


def probed(tx: Tx) -> int:
    serial: int = tx.execute(_PROBED).fetchone()[0]
    return serial


_END_LEASES: Final = (
    # Marked to be looked at once the lease would have run out; it has, now.
    "UPDATE orders SET lease_until_ms = 0, due_ms = MIN(due_ms, updated_ms)"
    " WHERE lease_until_ms > 0 AND due_ms IS NOT NULL",
    "UPDATE orders SET lease_until_ms = 0 WHERE lease_until_ms > 0",
    "UPDATE messages SET lease_until_ms = 0 WHERE state = 'queued' AND lease_until_ms > 0",
    "UPDATE agreements SET lease_until_ms = 0 WHERE lease_until_ms > 0",
    "UPDATE inbox SET lease_until_ms = 0 WHERE body IS NOT NULL AND lease_until_ms > 0",
    "UPDATE turns SET lease_until_ms = 0 WHERE state = 'running' AND lease_until_ms > 0",
)


# Every value is the time now. An order's and an agreement's pause is counted from its last writing,
# a message's and an update's from its first. When an agreement ends is a day in the calendar, and stays.
_RECHECK_PUT_OFF_MS: Final = 3600_000
_PULL_DUE: Final = (
    """
    UPDATE orders SET
        due_ms = CASE WHEN due_ms > updated_ms THEN due_ms - (updated_ms - ?)
            WHEN due_ms > ? THEN ? ELSE due_ms END,
        deadline_ms = deadline_ms - (updated_ms - ?),
        otp_expires_ms = otp_expires_ms - (updated_ms - ?),
        asked_ms = CASE WHEN asked_ms > ? THEN ? ELSE asked_ms END,
        hint_ms = CASE WHEN hint_ms > ? THEN ? ELSE hint_ms END,
        updated_ms = ?
    WHERE due_ms IS NOT NULL AND updated_ms > ?
    """,
    """
    UPDATE agreements SET
        due_ms = CASE WHEN due_ms > updated_ms THEN due_ms - (updated_ms - ?)
            WHEN due_ms > ? THEN ? ELSE due_ms END,
        updated_ms = ?
    WHERE due_ms IS NOT NULL AND updated_ms > ?
    """,
    """
    UPDATE messages SET due_ms = CASE WHEN due_ms > created_ms THEN due_ms - (created_ms - ?) ELSE ? END
    WHERE state = 'queued' AND due_ms > ? AND created_ms > ?
    """,
    """
    UPDATE inbox SET due_ms = CASE WHEN due_ms > received_ms THEN due_ms - (received_ms - ?) ELSE ? END
    WHERE body IS NOT NULL AND due_ms > ? AND received_ms > ?
    """,
    "UPDATE rechecks SET due_ms = ?, since_ms = ? WHERE due_ms > ? AND since_ms > ?",
    # None is put off for longer than this.
    f"UPDATE rechecks SET due_ms = ? WHERE due_ms > ? + {_RECHECK_PUT_OFF_MS}",
)
_SHORTEN_LEASES: Final = (
    "UPDATE orders SET lease_until_ms = ? WHERE lease_until_ms > 0 AND lease_until_ms > ?",
    "UPDATE agreements SET lease_until_ms = ? WHERE lease_until_ms > 0 AND lease_until_ms > ?",
    "UPDATE messages SET lease_until_ms = ? WHERE state = 'queued' AND lease_until_ms > ?",
    "UPDATE inbox SET lease_until_ms = ? WHERE body IS NOT NULL AND lease_until_ms > ?",
    "UPDATE turns SET lease_until_ms = ? WHERE state = 'running' AND lease_until_ms > ?",
)


def pull_due(tx: Tx, now_ms: int, lease_ms: int) -> None:
    for sql in _PULL_DUE:
        tx.execute(sql, [now_ms] * sql.count("?"))
    for sql in _SHORTEN_LEASES:
        tx.execute(sql, [now_ms + lease_ms] * sql.count("?"))


def take_over(tx: Tx, now_ms: int) -> None:
    """Take back what a dead owner held; its fences are refused as soon as someone claims anew. Its clock
    may have been ahead of ours."""
    for sql in _END_LEASES:
        tx.execute(sql)
    pull_due(tx, now_ms, 0)
