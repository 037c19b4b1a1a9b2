"""What a database that was put back from a copy must not do: send, say or decide a second time.

After the copy was made its orders may have been sent, its messages delivered, its waiting updates and
approvals acted on, under references that the copy has never seen. So nothing that waited goes on by
itself: orders are asked about, messages wait for a person, and whoever was in the middle of something
begins anew.
"""

# Statements are put together from constant names of our own; values are always parameters.
# ruff: noqa: S608

from datetime import UTC, datetime
from typing import Final

from bot.money import OrderState, Source
from bot.store import orders
from bot.store.base import MoveOrder, OrderFields
from bot.store.records import Restore
from bot.store.rows import ORDERS, Tx

__all__ = ["NOTE", "after_restore", "restores"]

NOTE: Final = "put back from a copy: perhaps sent"

_DOUBTED: Final = """
    UPDATE orders SET restored_ms = ?, due_ms = MIN(due_ms, ?), lease_until_ms = 0,
        sent_ms = CASE WHEN sent_ms = 0 THEN created_ms ELSE sent_ms END
    WHERE due_ms IS NOT NULL
"""
_NOT_YET_OUT: Final = (
    f"SELECT {ORDERS.select} FROM orders WHERE due_ms IS NOT NULL AND state IN ('NEW', 'NEEDS_OTP')"
)
_ASKED_AGAIN: Final = "UPDATE agreements SET due_ms = MIN(due_ms, ?) WHERE due_ms IS NOT NULL"
# Perhaps decided since: ended without a word, so that nobody hears that nothing was sent.
_UNDECIDED: Final = """
    UPDATE approvals SET state = 'expired', decided_ms = ?, expires_ms = MIN(expires_ms, ?)
    WHERE state = 'waiting'
"""
_UNSAID: Final = """
    UPDATE messages SET state = 'dead', lease_until_ms = 0, error = 'put back from a copy: perhaps said'
    WHERE state = 'queued'
"""
_BEGUN_ANEW: Final = (
    "UPDATE inbox SET body = NULL, chat = '', lease_until_ms = 0 WHERE body IS NOT NULL",
    "UPDATE conversations SET state = 'ended', version = version + 1 WHERE state = 'active'",
    "UPDATE sessions SET open = 0 WHERE open = 1",
    "DELETE FROM turns WHERE state = 'running'",
)
_INCIDENT: Final = """
    INSERT INTO incidents (id, dedupe_key, kind, order_id, text, at_ms) VALUES (?, ?, 'restored', NULL, ?, ?)
"""
_KEEP: Final = "INSERT INTO restores (id, since_ms, noticed_ms) VALUES (?, ?, ?)"
_NEWEST_ORDER: Final = "SELECT MAX(updated_ms) FROM orders"
_RESTORES: Final = "SELECT since_ms, noticed_ms FROM restores ORDER BY noticed_ms, id"


def after_restore(tx: Tx, id: str, since_ms: int, now_ms: int) -> int:
    """Leave nothing under way, and keep that this happened; how many orders are in doubt. `since_ms`: the
    copy was made no earlier than then, 0 where it does not say."""
    since_ms = since_ms or int(tx.execute(_NEWEST_ORDER).fetchone()[0] or 0)
    doubted = tx.execute(_DOUBTED, (now_ms, now_ms)).rowcount
    for row in ORDERS.all(tx, _NOT_YET_OUT):
        # With a time of sending, as if it had left when it was made: nobody knows better.
        sent_ms = row.created_ms if row.state is OrderState.NEW else None
        orders.move(
            tx,
            MoveOrder(
                row.id,
                row.version,
                OrderState.PENDING,
                Source.US,
                now_ms,
                now_ms,
                note=NOTE,
                fields=OrderFields(sent_ms=sent_ms),
            ),
        )
    tx.execute(_ASKED_AGAIN, (now_ms,))
    tx.execute(_UNDECIDED, (now_ms, now_ms))
    tx.execute(_UNSAID)
    for sql in _BEGUN_ANEW:
        tx.execute(sql)
    since, now = (
        datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M") for ms in (since_ms, now_ms)
    )
    text = (
        f"put back from a copy: what was done from {since} to {now} UTC is not in it; run kasapay reconcile"
    )
    tx.execute(_INCIDENT, (id, f"restored:{id}", text, now_ms))
    tx.execute(_KEEP, (id, since_ms, now_ms))
    return doubted


def restores(tx: Tx) -> tuple[Restore, ...]:
    return tuple(Restore(*row) for row in tx.execute(_RESTORES).fetchall())
