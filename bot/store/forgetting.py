"""Forgetting people: strangers by themselves, and whoever asks for it, as far as the ledger allows.

An order and its ledger stay, with the payer's number and the amount: they answer for money. What else is
known of a person goes. A row of `people` bears nothing but a language, and stays for what names it.
"""

# Statements are put together from constant names of our own; values are always parameters.
# ruff: noqa: S608

from typing import Final

from bot.store.base import Conflict, ForgetPerson
from bot.store.rows import Tx

__all__ = ["STRANGERS_AT_ONCE", "forget_person", "forget_strangers"]

# A stranger takes some eight statements: turns wait behind no more of them than this.
STRANGERS_AT_ONCE: Final = 50

# ---- of an address -------------------------------------------------------------------------------

# One statement for each partial index, or the whole table is read.
_MESSAGES: Final = tuple(
    f"DELETE FROM messages WHERE address_kind = ? AND address_value = ? AND {some}"
    for some in ("state = 'queued'", "state = 'dead'", "sent_ms IS NOT NULL")
)
_TURNS: Final = "DELETE FROM turns WHERE scope = ?"
_ADDRESS: Final = "DELETE FROM addresses WHERE kind = ? AND value = ? AND ended_ms IS NULL"


def _forget_address(tx: Tx, kind: str, value: str) -> None:
    """What was said there, and that it is somebody's."""
    for sql in _MESSAGES:
        tx.execute(sql, (kind, value))
    tx.execute(_TURNS, (f"{kind}:{value}",))
    tx.execute(_ADDRESS, (kind, value))


# ---- strangers -----------------------------------------------------------------------------------

_STRANGERS: Final = """
    SELECT a.kind, a.value, a.person_id FROM addresses a
    WHERE a.verified_ms IS NULL AND a.ended_ms IS NULL AND a.seen_ms < ? AND a.seen_ms >= ?
    AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.person_id = a.person_id)
    AND NOT EXISTS (
        SELECT 1 FROM staff s
        WHERE s.address_kind = a.kind AND s.address_value = a.value AND s.address_value <> ''
    )
    AND NOT EXISTS (
        SELECT 1 FROM messages m
        WHERE m.address_kind = a.kind AND m.address_value = a.value AND m.sent_ms >= ?
    )
    AND NOT EXISTS (
        SELECT 1 FROM messages m
        WHERE m.address_kind = a.kind AND m.address_value = a.value AND m.state = 'queued'
    )
    ORDER BY a.seen_ms LIMIT ?
"""
_ACTIVE: Final = "DELETE FROM conversations WHERE person_id = ? AND state = 'active'"
# Whoever was left then (they had begun an order, say) is not looked at again and again.
_LOOKED_AT_MS: Final = 30 * 24 * 3600_000


def forget_strangers(tx: Tx, silent_ms: int, at_most: int) -> int:
    """Chats that nobody linked, that began no order, and where nothing was said since `silent_ms`; how many
    went. What ended earlier goes with its own age."""
    found = tx.execute(_STRANGERS, (silent_ms, silent_ms - _LOOKED_AT_MS, silent_ms, at_most)).fetchall()
    for kind, value, person_id in found:
        _forget_address(tx, kind, value)
        tx.execute(_ACTIVE, (person_id,))
    return len(found)


# ---- whoever asks for it -------------------------------------------------------------------------

_ADDRESSES: Final = "SELECT kind, value FROM addresses WHERE person_id = ?"
_OPEN: Final = "SELECT 1 FROM orders WHERE person_id = ? AND due_ms IS NOT NULL LIMIT 1"
_STANDING: Final = """
    SELECT 1 FROM agreements WHERE payer = ? AND kind IN ('preapproval', 'invoice', 'consent')
    AND state NOT IN ('PAID', 'REFUSED', 'CANCELLED', 'EXPIRED') LIMIT 1
"""
_HELD_BACK: Final = """
    DELETE FROM held_back WHERE staff_id IN (
        SELECT id FROM staff WHERE address_kind = ? AND address_value = ? AND address_value <> ''
    )
"""
_ANNOUNCING: Final = _HELD_BACK.replace("held_back", "announcing")
_ROLES: Final = """
    UPDATE staff SET address_kind = '', address_value = '', pin_hash = ''
    WHERE address_kind = ? AND address_value = ? AND address_value <> ''
"""
_UPDATES: Final = "UPDATE inbox SET body = NULL, chat = '' WHERE chat = ? AND body IS NOT NULL"
# Rare, and asked for by a person: these may read a table from end to end.
_SESSION_TURNS: Final = "DELETE FROM turns WHERE scope IN (SELECT id FROM sessions WHERE msisdn = ?)"
_SESSIONS: Final = "DELETE FROM sessions WHERE msisdn = ?"
_OF_PERSON: Final = (
    "DELETE FROM messages WHERE person_id = ?",
    "DELETE FROM conversations WHERE person_id = ?",
    "DELETE FROM link_codes WHERE person_id = ?",
    "DELETE FROM addresses WHERE person_id = ?",
    "UPDATE orders SET origin_kind = '', origin_value = '', note = '', pending_ref = '' WHERE person_id = ?",
    "UPDATE people SET language_chosen = 0 WHERE id = ?",
)


def forget_person(tx: Tx, change: ForgetPerson) -> None:
    addresses = tx.execute(_ADDRESSES, (change.person_id,)).fetchall()
    if not addresses:
        raise Conflict("person")
    if tx.execute(_OPEN, (change.person_id,)).fetchone() is not None:
        raise Conflict("order")
    for kind, value in addresses:
        if kind == "msisdn" and tx.execute(_STANDING, (value,)).fetchone() is not None:
            raise Conflict("agreement")
    live = tx.execute(f"{_ADDRESSES} AND ended_ms IS NULL", (change.person_id,)).fetchall()
    # A number that has passed on to somebody else is that person's now.
    for kind, value in live:
        _forget_address(tx, kind, value)
        for sql in (_HELD_BACK, _ANNOUNCING, _ROLES):
            tx.execute(sql, (kind, value))
        tx.execute(_UPDATES, (value,))
        if kind == "msisdn":
            tx.execute(_SESSION_TURNS, (value,))
            tx.execute(_SESSIONS, (value,))
    for sql in _OF_PERSON:
        tx.execute(sql, (change.person_id,))
