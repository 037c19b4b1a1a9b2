"""Announcements of payments to a merchant's staff: told at once, or held back and counted from the orders."""

# Statements are put together from constant names of our own; values are always parameters.
# ruff: noqa: S608

from typing import Final

from bot.money import PAYMENTS
from bot.store import messages
from bot.store.base import Announce, Conflict, HeldBack, KeepAnnouncing, StopAnnouncing, TellHeldBack
from bot.store.records import AnnouncingRow
from bot.store.rows import ANNOUNCING, Tx, kinds_sql

__all__ = [
    "announce",
    "announcing",
    "due",
    "held_back",
    "keep",
    "next_due_ms",
    "of_merchant",
    "stop",
    "tell_held_back",
]

_HOUR_MS: Final = 3600_000
_OF: Final = f"SELECT {ANNOUNCING.select} FROM announcing WHERE staff_id = ?"
_OF_MERCHANT: Final = f"""
    SELECT {ANNOUNCING.columns_of("a")} FROM staff s JOIN announcing a ON a.staff_id = s.id
    WHERE s.merchant_id = ? AND s.address_value <> '' ORDER BY a.staff_id
"""
_DUE: Final = f"""
    SELECT {ANNOUNCING.select} FROM announcing WHERE due_ms IS NOT NULL AND due_ms <= ?
    ORDER BY due_ms, staff_id LIMIT ?
"""
_NEXT: Final = "SELECT MIN(due_ms) FROM announcing WHERE due_ms IS NOT NULL"

# ---- changes -------------------------------------------------------------------------------------

_QUIET: Final = "UPDATE announcing SET quiet_from = ?, quiet_until = ? WHERE staff_id = ?"


def keep(tx: Tx, change: KeepAnnouncing) -> None:
    row = change.row
    if tx.execute(ANNOUNCING.insert, ANNOUNCING.write(row)).rowcount == 0:
        tx.execute(_QUIET, (row.quiet_from, row.quiet_until, row.staff_id))


def stop(tx: Tx, change: StopAnnouncing) -> None:
    end(tx, change.staff_id)


def end(tx: Tx, staff_id: str) -> None:
    tx.execute("DELETE FROM held_back WHERE staff_id = ?", (staff_id,))
    tx.execute("DELETE FROM announcing WHERE staff_id = ?", (staff_id,))


# Of the last hour; the one that is being settled is among them.
_LATELY: Final = f"""
    SELECT COUNT(*) FROM orders WHERE merchant_id = ? AND kind IN {kinds_sql(PAYMENTS)}
    AND state = 'SUCCESSFUL' AND created_ms > ?
"""
_HOLD: Final = """
    INSERT INTO held_back (staff_id, order_id, seq, at_ms)
    SELECT ?, ?, COALESCE(MAX(seq), 0) + 1, ? FROM held_back WHERE staff_id = ?
    ON CONFLICT DO NOTHING
"""
_WAIT: Final = "UPDATE announcing SET daily = ?, due_ms = COALESCE(due_ms, ?) WHERE staff_id = ?"


def announce(tx: Tx, change: Announce) -> None:
    row = announcing(tx, change.staff_id)
    if row is None:
        return
    daily = row.daily
    if row.due_ms is None and not daily and change.quiet_until_ms is None:
        lately = tx.execute(_LATELY, (change.merchant_id, change.at_ms - _HOUR_MS)).fetchone()[0]
        daily = lately > change.most
        for message in change.busy if daily else change.messages:
            messages.queue(tx, message)
        if not daily:
            return
    tx.execute(_HOLD, (row.staff_id, change.order_id, change.at_ms, row.staff_id))
    due_ms = change.day_ms if daily else change.quiet_until_ms
    tx.execute(_WAIT, (int(daily), due_ms, row.staff_id))


_TOLD: Final = "DELETE FROM held_back WHERE staff_id = ? AND seq <= ?"
_MORE: Final = "SELECT 1 FROM held_back WHERE staff_id = ? LIMIT 1"
_AFTER: Final = "UPDATE announcing SET daily = ?, due_ms = ? WHERE staff_id = ?"


def tell_held_back(tx: Tx, change: TellHeldBack) -> None:
    row = announcing(tx, change.staff_id)
    if row is None or row.due_ms != change.due_ms:
        raise Conflict("announcing")
    told = tx.execute(_TOLD, (row.staff_id, change.last)).rowcount
    more = tx.execute(_MORE, (row.staff_id,)).fetchone() is not None
    daily = row.daily and told > change.most
    # What came while it was being counted is counted next.
    tx.execute(_AFTER, (int(daily), change.at_ms if more else None, row.staff_id))


# ---- reads ---------------------------------------------------------------------------------------

_SUMS: Final = """
    SELECT o.currency, COUNT(*), SUM(o.amount_minor) FROM held_back h JOIN orders o ON o.id = h.order_id
    WHERE h.staff_id = ? AND o.state = 'SUCCESSFUL' GROUP BY o.currency ORDER BY o.currency
"""
_SPAN: Final = "SELECT COALESCE(MIN(at_ms), 0), COALESCE(MAX(seq), 0) FROM held_back WHERE staff_id = ?"


def announcing(tx: Tx, staff_id: str) -> AnnouncingRow | None:
    return ANNOUNCING.one(tx, _OF, staff_id)


def of_merchant(tx: Tx, merchant_id: str) -> tuple[AnnouncingRow, ...]:
    return ANNOUNCING.all(tx, _OF_MERCHANT, merchant_id)


def due(tx: Tx, now_ms: int, limit: int) -> tuple[AnnouncingRow, ...]:
    return ANNOUNCING.all(tx, _DUE, now_ms, limit)


def next_due_ms(tx: Tx) -> int | None:
    found: int | None = tx.execute(_NEXT).fetchone()[0]
    return found


def held_back(tx: Tx, staff_id: str) -> HeldBack:
    since_ms, last = tx.execute(_SPAN, (staff_id,)).fetchone()
    sums = tx.execute(_SUMS, (staff_id,)).fetchall()
    return HeldBack(
        tuple((currency, int(count), int(minor)) for currency, count, minor in sums), since_ms, last
    )
