"""Orders found again: by their names, for a person, for an operator, for the counting."""

# Statements are put together from constant names of our own; values are always parameters.
# ruff: noqa: S608

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from bot.money import COMES_IN, GOES_OUT, PAYMENTS, PAYOUTS, OrderState, reference_key
from bot.store.records import OrderRow, Transition
from bot.store.rows import ORDERS, TRANSITIONS, Tx, kinds_sql

__all__ = [
    "between",
    "by_code",
    "by_id",
    "by_reference",
    "collected_minor",
    "follower_of",
    "given_back_minor",
    "has_learned",
    "learn",
    "named_by_webhooks",
    "of_act",
    "of_conversation",
    "of_merchant",
    "of_person",
    "open_at",
    "open_accounts",
    "open_places",
    "paid_before",
    "recent",
    "payouts_of_merchant",
    "refunded_minor",
    "refunds_of",
    "settle_in",
    "transitions",
    "waiting_for_otp",
]

_IS_FINAL: Final = "state IN ('SUCCESSFUL', 'FAILED', 'REVERSED')"
_BY_ID: Final = f"SELECT {ORDERS.select} FROM orders WHERE id = ?"
_BY_CODE: Final = f"SELECT {ORDERS.select} FROM orders WHERE code = ?"
_BY_REFERENCE: Final = f"SELECT {ORDERS.select} FROM orders WHERE reference_key = ?"
_BY_PROVIDER_REFERENCE: Final = f"""
    SELECT {ORDERS.select} FROM orders WHERE provider_reference = ? AND provider_reference <> ''
    ORDER BY created_ms DESC, id LIMIT 1
"""
_OF_ACT: Final = f"SELECT {ORDERS.select} FROM orders WHERE conversation_id = ? AND act_position = ?"
_TRANSITIONS: Final = f"SELECT {TRANSITIONS.select} FROM transitions WHERE order_id = ? ORDER BY seq"
_OF_PERSON: Final = f"""
    SELECT {ORDERS.select} FROM orders WHERE person_id = ? AND staff_id = '' AND kind = 'collection'
    ORDER BY created_ms DESC, id LIMIT ?
"""
_RECENT: Final = f"SELECT {ORDERS.select} FROM orders ORDER BY created_ms DESC, id LIMIT ?"
# By the index on (created_ms, id): the reach keeps a late success in sight without reading everything. A
# row that has not moved since the period began cannot have succeeded in it; its ledger is not read.
_BETWEEN_REACH_MS: Final = 14 * 24 * 3600_000
_BETWEEN: Final = f"""
    SELECT {ORDERS.select}, settled_ms FROM (
        SELECT o.*, (
            SELECT MIN(t.at_ms) FROM transitions t WHERE t.order_id = o.id AND t.said = 'SUCCESSFUL'
        ) AS settled_ms
        FROM orders o WHERE o.created_ms >= ? AND o.created_ms < ? AND o.connection = ?
        AND (o.created_ms >= ? OR o.updated_ms >= ?) AND (o.created_ms > ? OR (o.created_ms = ? AND o.id > ?))
    ) AS dated
    WHERE COALESCE(settled_ms, created_ms) >= ? AND COALESCE(settled_ms, created_ms) < ?
    ORDER BY created_ms, id LIMIT ?
"""
_OF_CONVERSATION: Final = f"""
    SELECT {ORDERS.select} FROM orders WHERE conversation_id = ? ORDER BY created_ms DESC, act_position DESC
"""
_WAITING_FOR_OTP: Final = f"""
    SELECT {ORDERS.select} FROM orders WHERE person_id = ? AND state = 'NEEDS_OTP'
    ORDER BY created_ms DESC, id LIMIT 1
"""
# A payment that was given back later did succeed once.
_PAID_BEFORE: Final = """
    SELECT 1 FROM orders o WHERE o.payer = ? AND o.connection = ? AND o.kind = 'collection'
    AND (o.state = 'SUCCESSFUL' OR (o.state = 'REVERSED' AND EXISTS (
        SELECT 1 FROM transitions t WHERE t.order_id = o.id AND t.said = 'SUCCESSFUL'
    ))) LIMIT 1
"""
_CAME_IN: Final = f"""
    SELECT COALESCE(SUM(amount_minor), 0) FROM orders WHERE merchant_id = ? AND currency = ?
    AND state = 'SUCCESSFUL' AND kind IN {kinds_sql(COMES_IN)}
"""
# An invoice that is paid brings its money to the account's own wallet; the order only made it.
_CAME_BY_INVOICE: Final = """
    SELECT COALESCE(SUM(amount_minor), 0) FROM agreements WHERE merchant_id = ? AND currency = ?
    AND state = 'PAID' AND kind = 'invoice'
"""
_WENT_OUT: Final = f"""
    SELECT COALESCE(SUM(amount_minor), 0) FROM orders WHERE merchant_id = ? AND currency = ?
    AND state NOT IN ('FAILED', 'REVERSED') AND kind IN {kinds_sql(GOES_OUT)}
"""
_OF_MERCHANT: Final = f"""
    SELECT {ORDERS.select} FROM orders
    WHERE merchant_id = ? AND kind IN {kinds_sql(PAYMENTS)} ORDER BY created_ms DESC, id LIMIT ?
"""
_PAYOUTS: Final = f"""
    SELECT {ORDERS.select} FROM orders
    WHERE kind IN {kinds_sql(PAYOUTS)} AND currency = ? AND created_ms >= ? AND merchant_id = ?
    ORDER BY created_ms DESC, id LIMIT ?
"""
_REFUNDED: Final = """
    SELECT COALESCE(SUM(amount_minor), 0) FROM orders WHERE parent_id = ? AND state <> 'FAILED'
"""
_REFUNDS: Final = f"SELECT {ORDERS.select} FROM orders WHERE parent_id = ? ORDER BY created_ms DESC, id"
_FOLLOWER: Final = f"SELECT {ORDERS.select} FROM orders WHERE follows_id = ?"
_OPEN_CONNECTIONS: Final = f"SELECT DISTINCT connection FROM orders WHERE NOT ({_IS_FINAL})"


def by_id(tx: Tx, order_id: str) -> OrderRow | None:
    return ORDERS.one(tx, _BY_ID, order_id)


def by_code(tx: Tx, code: str) -> OrderRow | None:
    return ORDERS.one(tx, _BY_CODE, code)


def by_reference(tx: Tx, reference: str) -> OrderRow | None:
    ours = ORDERS.one(tx, _BY_REFERENCE, reference_key(reference))
    return ours or ORDERS.one(tx, _BY_PROVIDER_REFERENCE, reference)


def of_act(tx: Tx, conversation_id: str, position: int) -> OrderRow | None:
    return ORDERS.one(tx, _OF_ACT, conversation_id, position)


def transitions(tx: Tx, order_id: str) -> tuple[Transition, ...]:
    return TRANSITIONS.all(tx, _TRANSITIONS, order_id)


def of_person(tx: Tx, person_id: str, limit: int) -> tuple[OrderRow, ...]:
    return ORDERS.all(tx, _OF_PERSON, person_id, limit)


def recent(tx: Tx, limit: int, states: Sequence[OrderState] = ()) -> tuple[OrderRow, ...]:
    if not states:
        return ORDERS.all(tx, _RECENT, limit)
    marks = ", ".join("?" * len(states))
    sql = f"""
        SELECT {ORDERS.select} FROM orders WHERE state IN ({marks}) ORDER BY created_ms DESC, id LIMIT ?
    """
    wanted: list[Any] = [state.value for state in states]
    return ORDERS.all(tx, sql, *wanted, limit)


def between(
    tx: Tx, account_id: str, from_ms: int, until_ms: int, after: tuple[int, str], limit: int
) -> tuple[tuple[OrderRow, int | None], ...]:
    created_ms, order_id = after
    first_ms = max(from_ms - _BETWEEN_REACH_MS, created_ms)
    behind = (created_ms, created_ms, order_id)
    wanted = (first_ms, until_ms, account_id, from_ms, from_ms, *behind, from_ms, until_ms, limit)
    return tuple((ORDERS.read(row[:-1]), row[-1]) for row in tx.execute(_BETWEEN, wanted).fetchall())


def of_conversation(tx: Tx, conversation_id: str) -> tuple[OrderRow, ...]:
    return ORDERS.all(tx, _OF_CONVERSATION, conversation_id)


def waiting_for_otp(tx: Tx, person_id: str) -> OrderRow | None:
    return ORDERS.one(tx, _WAITING_FOR_OTP, person_id)


def paid_before(tx: Tx, payer: str, account_id: str) -> bool:
    return tx.execute(_PAID_BEFORE, (payer, account_id)).fetchone() is not None


def collected_minor(tx: Tx, merchant_id: str, currency: str) -> int:
    # PostgreSQL sums BIGINT into a Decimal.
    came_in, by_invoice, went_out = (
        int(tx.execute(sql, (merchant_id, currency)).fetchone()[0])
        for sql in (_CAME_IN, _CAME_BY_INVOICE, _WENT_OUT)
    )
    return came_in + by_invoice - went_out


def of_merchant(tx: Tx, merchant_id: str, limit: int) -> tuple[OrderRow, ...]:
    return ORDERS.all(tx, _OF_MERCHANT, merchant_id, limit)


def payouts_of_merchant(
    tx: Tx, merchant_id: str, currency: str, since_ms: int, limit: int
) -> tuple[OrderRow, ...]:
    return ORDERS.all(tx, _PAYOUTS, currency, since_ms, merchant_id, limit)


def refunded_minor(tx: Tx, order_id: str) -> int:
    return int(tx.execute(_REFUNDED, (order_id,)).fetchone()[0])


def given_back_minor(tx: Tx, order_ids: Sequence[str]) -> Mapping[str, int]:
    if not order_ids:
        return {}
    rows = tx.execute(_given_back_sql(len(order_ids)), order_ids).fetchall()
    return {order_id: int(minor) for order_id, minor in rows}


@cache
def _given_back_sql(count: int) -> str:
    return f"""
        SELECT parent_id, SUM(amount_minor) FROM orders
        WHERE parent_id IN ({", ".join("?" * count)}) AND kind = 'refund' AND state = 'SUCCESSFUL'
        GROUP BY parent_id
    """


def refunds_of(tx: Tx, order_id: str) -> tuple[OrderRow, ...]:
    return ORDERS.all(tx, _REFUNDS, order_id)


def follower_of(tx: Tx, order_id: str) -> OrderRow | None:
    return ORDERS.one(tx, _FOLLOWER, order_id)


def open_accounts(tx: Tx) -> frozenset[str]:
    return frozenset(row[0] for row in tx.execute(_OPEN_CONNECTIONS).fetchall())


_OPEN_AT: Final = f"""
    SELECT {ORDERS.select} FROM orders WHERE NOT ({_IS_FINAL}) AND connection = ? AND place = ?
    ORDER BY created_ms, id
"""
_OPEN_PLACES: Final = f"SELECT DISTINCT connection, place FROM orders WHERE NOT ({_IS_FINAL}) AND place <> ''"
_KEEP_PLACE: Final = """
    INSERT INTO places (connection, place, keys) VALUES (?, ?, ?)
    ON CONFLICT (connection) DO UPDATE SET place = excluded.place, keys = excluded.keys
"""
_SETTLE_ORDERS: Final = """
    UPDATE orders SET place = ?, sent_with = CASE WHEN sent_ms IS NULL THEN '' ELSE ? END
    WHERE connection = ? AND place = ''
"""
_SETTLE_AGREEMENTS: Final = "UPDATE agreements SET place = ? WHERE connection = ? AND place = ''"
_NAMED: Final = """
    SELECT DISTINCT provider_reference, received_ms, id FROM webhooks
    WHERE reference = ? AND reference <> '' AND provider_reference <> '' ORDER BY received_ms DESC, id
"""
_LEARN: Final = "INSERT INTO learned (place, keys, fact, at_ms) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
_LEARNED: Final = "SELECT 1 FROM learned WHERE place = ? AND keys = ? AND fact = ?"


def open_at(tx: Tx, account_id: str, place: str) -> tuple[OrderRow, ...]:
    return ORDERS.all(tx, _OPEN_AT, account_id, place)


def open_places(tx: Tx) -> frozenset[tuple[str, str]]:
    return frozenset((row[0], row[1]) for row in tx.execute(_OPEN_PLACES).fetchall())


def settle_in(tx: Tx, places: Mapping[str, tuple[str, str]]) -> None:
    for account_id, (place, keys) in sorted(places.items()):
        tx.execute(_KEEP_PLACE, (account_id, place, keys))
        tx.execute(_SETTLE_ORDERS, (place, keys, account_id))
        tx.execute(_SETTLE_AGREEMENTS, (place, account_id))


def named_by_webhooks(tx: Tx, reference: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(row[0] for row in tx.execute(_NAMED, (reference,)).fetchall()))


def learn(tx: Tx, place: str, keys: str, fact: str, at_ms: int) -> None:
    tx.execute(_LEARN, (place, keys, fact, at_ms))


def has_learned(tx: Tx, place: str, keys: str, fact: str) -> bool:
    return tx.execute(_LEARNED, (place, keys, fact)).fetchone() is not None
