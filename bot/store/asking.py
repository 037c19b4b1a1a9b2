"""What may be asked of a payer's phone: debits without a PIN, requests nobody wanted, too many at once.

All of it is decided from the rows, in the transaction that writes the request: two requests at once
cannot both be the last one that is let through. Reads use the same rules, to say it kindly before.
"""

# Statements are put together from constant names of our own; values are always parameters.
# ruff: noqa: S608

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from bot.money import ASKS_PAYER, COMES_IN
from bot.store.intents.orders import Asking
from bot.store.records import AgreementRow, OrderRow
from bot.store.rows import Tx, kinds_sql

__all__ = ["agreed_since", "covers", "debited", "is_being_stopped", "refusal"]

# What a standing pre-approval would debit without a PIN.
_DEBITS: Final = ASKS_PAYER & COMES_IN
_ASKS: Final = kinds_sql(ASKS_PAYER)
_OWNERS: Final = "SELECT person_id FROM addresses WHERE kind = 'msisdn' AND value = ? AND ended_ms IS NULL"
_OWN_NUMBERS: Final = (
    "SELECT value FROM addresses WHERE kind = 'msisdn' AND person_id = ? AND ended_ms IS NULL"
)

Row: TypeAlias = OrderRow | AgreementRow


def refusal(tx: Tx, row: Row, asking: Asking) -> str:
    """Why the payer's phone cannot be asked so: `payer` (too many of the payer's own are open),
    `agreement` (it would be debited without a PIN that was not spoken of), `number` (all that others
    read); empty where it can."""
    if asking.own:
        if _open_of_own(tx, row) >= asking.open_at_most:
            return "payer"
        debits = row.kind in _DEBITS and _stands(tx, row)
        return "agreement" if debits and not (asking.told and _is_covered(tx, row, asking)) else ""
    if row.kind in _DEBITS and _stands(tx, row):
        return "number"
    if asking.numbers is not None and _numbers_of_asker(tx, row, asking.since_ms) >= asking.numbers:
        return "number"
    if _unapproved(tx, row, asking.since_ms, everywhere=False) >= asking.unapproved:
        return "number"
    most = asking.unapproved_everywhere
    if most is not None and _unapproved(tx, row, asking.since_ms, everywhere=True) >= most:
        return "number"
    return ""


# ---- the payer's own -----------------------------------------------------------------------------

_OPEN_OF_OWN: Final = """
    SELECT COUNT(*) FROM orders WHERE payer = ? AND person_id = ?
    AND state NOT IN ('SUCCESSFUL', 'FAILED', 'REVERSED') AND state <> 'UNRESOLVED'
"""


def _open_of_own(tx: Tx, row: Row) -> int:
    return int(tx.execute(_OPEN_OF_OWN, (row.payer, row.person_id)).fetchone()[0])


# ---- debits without a PIN ------------------------------------------------------------------------

# While one may stand, the wallet operator asks no PIN of this payer on this account, whoever is paid.
_STANDING: Final = """
    SELECT id, merchant_id, currency, amount_minor, until_ms, every FROM agreements
    WHERE payer = ? AND connection = ? AND kind = 'preapproval'
    AND state IN ('REQUESTED', 'ACTIVE', 'UNRESOLVED')
"""


def _stands(tx: Tx, row: Row) -> bool:
    return tx.execute(_STANDING, (row.payer, row.account_id)).fetchone() is not None


def _is_covered(tx: Tx, row: Row, asking: Asking) -> bool:
    """Whether one of the payer's pre-approvals lets this merchant take so much now."""
    return any(
        merchant_id == row.merchant_id
        and covers(tx, row, id, currency, most_minor, until_ms, every, asking.periods_ms)
        for id, merchant_id, currency, most_minor, until_ms, every in tx.execute(
            _STANDING, (row.payer, row.account_id)
        ).fetchall()
    )


def covers(
    tx: Tx,
    row: Row,
    agreement_id: str,
    currency: str,
    most_minor: int,
    until_ms: int | None,
    every: str,
    periods_ms: Mapping[str, int],
) -> bool:
    """Whether the pre-approval still lets so much be taken at `row.created_ms`: its time is not over, its
    payer has not asked for its end, and nothing was taken in its period, which began at `periods_ms`."""
    if currency != row.currency or row.amount_minor > most_minor:
        return False
    if until_ms is not None and row.created_ms >= until_ms:
        return False
    if is_being_stopped(tx, agreement_id):
        return False
    return not (every and debited(tx, agreement_id, periods_ms[every]))


# Whatever its merchant asked of that wallet on that account since it was agreed to: it was served by it.
_DEBITED: Final = f"""
    SELECT 1 FROM agreements g JOIN orders o ON o.payer = g.payer AND o.connection = g.connection
    WHERE g.id = ? AND o.merchant_id = g.merchant_id AND o.currency = g.currency
    AND o.kind IN {kinds_sql(COMES_IN)} AND o.state <> 'FAILED'
    AND o.created_ms >= ? AND o.created_ms >= g.created_ms LIMIT 1
"""
_BEING_STOPPED: Final = """
    SELECT 1 FROM orders WHERE agreement_id = ? AND kind = 'preapproval_cancel' AND state <> 'FAILED' LIMIT 1
"""


def debited(tx: Tx, agreement_id: str, since_ms: int) -> bool:
    """Whether money was asked for under the agreement since then, in whatever way, and did not fail."""
    return tx.execute(_DEBITED, (agreement_id, since_ms)).fetchone() is not None


def is_being_stopped(tx: Tx, agreement_id: str) -> bool:
    return tx.execute(_BEING_STOPPED, (agreement_id,)).fetchone() is not None


_AGREED_SINCE: Final = f"""
    SELECT 1 FROM orders o JOIN agreements g ON g.payer = o.payer AND g.connection = o.connection
    WHERE o.id = ? AND o.kind IN {kinds_sql(_DEBITS)} AND g.kind = 'preapproval'
    AND g.state IN ('REQUESTED', 'ACTIVE', 'UNRESOLVED') AND g.created_ms > o.created_ms LIMIT 1
"""


def agreed_since(tx: Tx, order_id: str) -> bool:
    """Whether a pre-approval was asked for after the order was written, that would serve it without a PIN:
    whoever began it was not told so, and may be somebody else."""
    return tx.execute(_AGREED_SINCE, (order_id,)).fetchone() is not None


# ---- what others ask -----------------------------------------------------------------------------

# Not approved: open, refused or run out. What never left has asked nobody. An invoice is approved when it
# is paid: until then it was only a message that nobody wanted. UNRESOLVED ones age like those that ended.
_UNAPPROVED: Final = f"""
    SELECT COUNT(*) FROM orders o WHERE o.payer = ? AND o.kind IN {_ASKS}
    AND (
        o.state NOT IN ('SUCCESSFUL', 'REVERSED') OR (o.kind = 'invoice' AND NOT EXISTS (
            SELECT 1 FROM agreements g WHERE g.id = o.agreement_id AND g.state = 'PAID'
        ))
    )
    AND NOT (o.state = 'FAILED' AND COALESCE(o.reason, '') IN ('not_sent', 'not_available'))
    AND (o.created_ms >= ? OR o.state IN ('NEW', 'PENDING', 'NEEDS_OTP'))
    AND o.person_id NOT IN ({_OWNERS})
"""
# What a call of ours did not bring about is CANCELLED; ACTIVE says that the person agreed.
_CONSENTS: Final = f"""
    SELECT COUNT(*) FROM agreements WHERE payer = ? AND kind = 'consent'
    AND state NOT IN ('ACTIVE', 'CANCELLED') AND created_ms >= ? AND person_id NOT IN ({_OWNERS})
"""


def _unapproved(tx: Tx, row: Row, since_ms: int, *, everywhere: bool) -> int:
    """How much was asked of the payer's number by others, and not approved: by customers altogether, or by
    staff, of this merchant or `everywhere`."""
    given: tuple[Any, ...] = (row.payer, since_ms, row.payer)
    if not row.staff_id:
        return int(tx.execute(f"{_UNAPPROVED} AND o.staff_id = ''", given).fetchone()[0])
    orders, consents = f"{_UNAPPROVED} AND o.staff_id <> ''", _CONSENTS
    if not everywhere:
        orders, consents = f"{orders} AND o.merchant_id = ?", f"{consents} AND merchant_id = ?"
        given = (*given, row.merchant_id)
    return sum(int(tx.execute(sql, given).fetchone()[0]) for sql in (orders, consents))


_NUMBERS_OF_PERSON: Final = f"""
    SELECT COUNT(DISTINCT payer) FROM orders WHERE person_id = ? AND staff_id = '' AND created_ms >= ?
    AND kind IN {_ASKS} AND payer <> '' AND payer <> ? AND payer NOT IN ({_OWN_NUMBERS})
"""
_NUMBERS_OF_STAFF: Final = f"""
    SELECT COUNT(*) FROM (
        SELECT payer FROM orders WHERE staff_id = ? AND created_ms >= ? AND kind IN {_ASKS}
        AND payer <> '' AND payer <> ?
        UNION
        SELECT payer FROM agreements WHERE staff_id = ? AND created_ms >= ? AND kind = 'consent'
        AND payer <> ?
    ) AS asked
"""


def _numbers_of_asker(tx: Tx, row: Row, since_ms: int) -> int:
    """How many other numbers than this one the asker has asked, their own left aside."""
    if row.staff_id:
        once = (row.staff_id, since_ms, row.payer)
        return int(tx.execute(_NUMBERS_OF_STAFF, (*once, *once)).fetchone()[0])
    given = (row.person_id, since_ms, row.payer, row.person_id)
    return int(tx.execute(_NUMBERS_OF_PERSON, given).fetchone()[0])
