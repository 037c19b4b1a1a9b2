"""Looks for what must never be, in the rows as they lie: recomputed from the ledger, trusting no guard.

The schema refuses most of it already. This is for the day somebody has changed the file by hand, restored
half a backup, or found a way round a trigger. Reads everything, so it is for an operator, not for a turn.
"""

# Statements are put together from constant names of our own; values are always parameters.
# ruff: noqa: S608

from typing import Final

from bot.money import FINAL, OrderState, Source, Verdict, judge
from bot.store.base import Finding
from bot.store.records import OrderRow
from bot.store.rows import ORDERS, Tx

__all__ = ["findings", "overdue"]

_FINAL: Final = "('SUCCESSFUL', 'FAILED', 'REVERSED')"
_AT_MOST: Final = 1000  # findings of one rule: enough to see what happened

# An order of which no deadline is known yet is measured from its creation.
_IS_OVERDUE: Final = f"""
    o.state NOT IN {_FINAL} AND o.state <> 'UNRESOLVED' AND COALESCE(o.deadline_ms, o.created_ms) < ?
"""
_OVERDUE: Final = f"""
    SELECT {ORDERS.columns_of("o")} FROM orders o
    WHERE {_IS_OVERDUE} ORDER BY o.created_ms, o.id
"""


def overdue(tx: Tx, now_ms: int, grace_ms: int) -> tuple[OrderRow, ...]:
    return ORDERS.all(tx, _OVERDUE, now_ms - grace_ms)


_LAST: Final = """
    transitions t ON t.order_id = o.id
    AND t.seq = (SELECT MAX(seq) FROM transitions WHERE order_id = o.id)
"""
_BEFORE: Final = "transitions p ON p.order_id = t.order_id AND p.seq = t.seq - 1"
_RESULT_KEY: Final = "'result:' || o.id || ':' || o.state || ':'"

# Each gives the order it is about (its code, or its id where there is no such order) and what is wrong.
_RULES: Final[dict[str, str]] = {
    "no ledger": """
        SELECT o.code, 'has no first line' FROM orders o
        WHERE NOT EXISTS (SELECT 1 FROM transitions t WHERE t.order_id = o.id AND t.seq = 1)
    """,
    "no order": """
        SELECT DISTINCT t.order_id, 'lines of an order that is not there' FROM transitions t
        WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.id = t.order_id)
    """,
    "state": f"""
        SELECT o.code, 'is ' || o.state || ', its ledger says ' || t.said FROM orders o
        JOIN {_LAST} WHERE t.said <> o.state
    """,
    "chain": f"""
        SELECT o.code, 'line ' || t.seq || ' does not follow the one before it'
        FROM transitions t JOIN orders o ON o.id = t.order_id LEFT JOIN {_BEFORE}
        WHERE (t.seq = 1 AND (t.held IS NOT NULL OR t.said <> 'NEW'))
        OR (t.seq <> 1 AND (t.held IS NULL OR p.said IS NULL OR p.said <> t.held))
    """,
    "time": f"""
        SELECT o.code, 'line ' || t.seq || ' is earlier than the one before it'
        FROM transitions t JOIN orders o ON o.id = t.order_id JOIN {_BEFORE} WHERE t.at_ms < p.at_ms
    """,
    "refund of nothing": """
        SELECT o.code, 'refunds no payment of its merchant, account and currency' FROM orders o
        WHERE (o.kind = 'refund' OR o.parent_id IS NOT NULL) AND NOT EXISTS (
            SELECT 1 FROM orders p WHERE p.id = o.parent_id AND o.kind = 'refund'
            AND p.kind IN ('collection', 'agreement_charge') AND p.state IN ('SUCCESSFUL', 'REVERSED')
            AND p.merchant_id = o.merchant_id AND p.connection = o.connection AND p.currency = o.currency
        )
    """,
    "refunded too much": """
        SELECT p.code, 'paid ' || p.amount_minor || ', refunds of ' || SUM(r.amount_minor) || ' (minor units)'
        FROM orders r JOIN orders p ON p.id = r.parent_id WHERE r.state <> 'FAILED'
        GROUP BY p.id, p.code, p.amount_minor HAVING SUM(r.amount_minor) > p.amount_minor
    """,
    "bill of nothing": """
        SELECT o.code, 'pays a bill without the money that was collected for it' FROM orders o
        WHERE o.kind = 'bill' AND NOT EXISTS (
            SELECT 1 FROM orders p WHERE p.id = o.follows_id AND p.kind = 'collection'
            AND p.state IN ('SUCCESSFUL', 'REVERSED') AND p.amount_minor = o.amount_minor
            AND p.currency = o.currency AND p.connection = o.connection
        )
    """,
    "bill forgotten": """
        SELECT o.code, 'was collected for a bill that nobody pays' FROM orders o
        WHERE o.kind = 'collection' AND o.state = 'SUCCESSFUL' AND o.terms LIKE '%"service_provider":%'
        AND NOT EXISTS (SELECT 1 FROM orders f WHERE f.follows_id = o.id)
    """,
    "debit without agreement": """
        SELECT o.code, 'debits under no agreement of its payer and merchant' FROM orders o
        WHERE o.kind = 'agreement_charge' AND NOT EXISTS (
            SELECT 1 FROM agreements g WHERE g.id = o.agreement_id AND g.kind = 'preapproval'
            AND g.payer = o.payer AND g.merchant_id = o.merchant_id AND g.connection = o.connection
            AND g.currency = o.currency AND g.amount_minor >= o.amount_minor
        )
    """,
    "agreement": """
        SELECT g.code, 'is ' || g.state || ', its ledger says ' || l.said FROM agreements g
        JOIN agreement_lines l ON l.agreement_id = g.id
        AND l.seq = (SELECT MAX(seq) FROM agreement_lines WHERE agreement_id = g.id)
        WHERE l.said <> g.state
    """,
    "approved alone": """
        SELECT o.code, 'was approved by whoever asked for it' FROM orders o
        WHERE o.approved_by <> '' AND o.approved_by = o.staff_id
    """,
    "never due": f"""
        SELECT o.code, 'is ' || o.state || ' and never due' FROM orders o
        WHERE o.state NOT IN {_FINAL} AND o.due_ms IS NULL
    """,
    "no incident": """
        SELECT o.code, 'is UNRESOLVED and nobody was told' FROM orders o
        WHERE o.state = 'UNRESOLVED' AND NOT EXISTS (SELECT 1 FROM incidents i WHERE i.order_id = o.id)
    """,
    "accepted, yet to be sent": """
        SELECT o.code, 'is to be sent again although it was accepted' FROM orders o
        WHERE o.sent_ms = 0 AND (o.accepted_ms IS NOT NULL OR o.provider_reference <> '')
    """,
    "one reference, two orders": """
        SELECT o.code, 'has a provider reference of another order' FROM orders o
        WHERE o.provider_reference <> '' AND EXISTS (
            SELECT 1 FROM orders x WHERE x.provider_reference = o.provider_reference
            AND x.connection = o.connection AND x.id <> o.id
        )
    """,
    "made twice": """
        SELECT MIN(o.code), 'has the id, code, reference or act of another order' FROM orders o
        GROUP BY o.id HAVING COUNT(*) > 1
        UNION ALL SELECT o.code, 'has the id, code, reference or act of another order' FROM orders o
        GROUP BY o.code HAVING COUNT(*) > 1
        UNION ALL SELECT MIN(o.code), 'has the id, code, reference or act of another order' FROM orders o
        GROUP BY o.reference_key HAVING COUNT(*) > 1
        UNION ALL SELECT MIN(o.code), 'has the id, code, reference or act of another order' FROM orders o
        WHERE o.act_position IS NOT NULL GROUP BY o.conversation_id, o.act_position HAVING COUNT(*) > 1
    """,
    "told twice": """
        SELECT COALESCE(o.code, m.order_id), 'the same result was sent twice to one ' || m.address_kind
        FROM messages m LEFT JOIN orders o ON o.id = m.order_id
        WHERE m.kind = 'result' AND m.state = 'sent' AND m.order_id IS NOT NULL
        AND m.dedupe_key NOT LIKE '%:doubted:%' AND m.dedupe_key NOT LIKE '%:upheld:%'
        GROUP BY o.code, m.order_id, m.address_kind, m.address_value, m.view HAVING COUNT(*) > 1
    """,
}
# Sent messages are forgotten after a while, so older results cannot be looked for.
_UNTOLD: Final = f"""
    SELECT o.code, 'is ' || o.state || ' and no message says so' FROM orders o
    JOIN {_LAST} WHERE o.state IN {_FINAL} AND t.at_ms > ? AND NOT EXISTS (
        SELECT 1 FROM messages m WHERE m.order_id = o.id AND m.kind = 'result'
        AND substr(m.dedupe_key, 1, length({_RESULT_KEY})) = {_RESULT_KEY}
    )
"""
# What was acknowledged is work: a provider that is away keeps it waiting, a part of ours that is broken too.
_NOT_LOOKED_INTO: Final = """
    SELECT o.code, 'was spoken of by its provider (' || r.source || '), and nobody has looked into it'
    FROM rechecks r JOIN orders o ON o.id = r.order_id
    WHERE (r.source <> 'poll' AND r.since_ms < ?) OR r.due_ms < ?
"""
_ALARMLESS: Final = f"""
    SELECT o.code, 'is ' || o.state || ', past its time, and nobody was told' FROM orders o
    WHERE {_IS_OVERDUE} AND NOT EXISTS (SELECT 1 FROM incidents i WHERE i.order_id = o.id)
"""
_STEPS: Final = "SELECT DISTINCT held, said, source FROM transitions WHERE held IS NOT NULL"
_STEPPED: Final = """
    SELECT o.code, 'went from ' || t.held || ' to ' || t.said || ' on the word of ' || t.source
    FROM transitions t JOIN orders o ON o.id = t.order_id WHERE t.held = ? AND t.said = ? AND t.source = ?
"""


def findings(tx: Tx, now_ms: int, remembered_ms: int, grace_ms: int) -> tuple[Finding, ...]:
    found: list[Finding] = []

    def ask(rule: str, sql: str, *values: object) -> None:
        rows = tx.execute(f"{sql} LIMIT {_AT_MOST}", values).fetchall()
        found.extend(Finding(rule, str(order), str(detail)) for order, detail in rows)

    for rule, sql in _RULES.items():
        ask(rule, sql)
    for held, said, source in tx.execute(_STEPS).fetchall():
        if not _is_allowed(held, said, source):
            rule = "final state left" if held in FINAL else "step"
            ask(rule, _STEPPED, held, said, source)
    ask("untold", _UNTOLD, now_ms - remembered_ms)
    ask("overdue", _ALARMLESS, now_ms - grace_ms)
    ask("not looked into", _NOT_LOOKED_INTO, now_ms - grace_ms, now_ms - grace_ms)
    return tuple(found)


def _is_allowed(from_state: str, to_state: str, source: str) -> bool:
    try:
        return judge(OrderState(from_state), OrderState(to_state), Source(source)) is Verdict.MOVE
    except ValueError:  # a state or source that nobody knows
        return False
