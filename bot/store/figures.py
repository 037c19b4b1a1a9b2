"""What operators watch, counted: open orders, incidents, messages that wait or reached nobody."""

from typing import Final

from bot.store.base import Figures
from bot.store.rows import Tx

__all__ = ["figures"]

# By partial indexes, so that what is final and sent is not read.
_OPEN_ORDERS: Final = """
    SELECT connection, state, COUNT(*), MIN(created_ms) FROM orders
    WHERE state NOT IN ('SUCCESSFUL', 'FAILED', 'REVERSED') GROUP BY connection, state
"""
_DOUBTFUL: Final = (
    "SELECT connection, COUNT(*) FROM agreements WHERE state = 'UNRESOLVED' GROUP BY connection"
)
_INCIDENTS: Final = "SELECT kind, COUNT(*), MAX(at_ms) FROM incidents GROUP BY kind"
_DEAD: Final = """
    SELECT address_kind, kind, COUNT(*) FROM messages WHERE state = 'dead' GROUP BY address_kind, kind
"""
_WAITING: Final = """
    SELECT address_kind, COUNT(*) FROM messages WHERE state = 'queued' GROUP BY address_kind
"""


def figures(tx: Tx) -> Figures:
    incidents = tx.execute(_INCIDENTS).fetchall()
    return Figures(
        open_orders={(row[0], row[1]): (row[2], row[3]) for row in tx.execute(_OPEN_ORDERS).fetchall()},
        doubtful_agreements={row[0]: row[1] for row in tx.execute(_DOUBTFUL).fetchall()},
        incidents={row[0]: row[1] for row in incidents},
        last_incident_ms=max((row[2] for row in incidents), default=0),
        dead_messages={(row[0], row[1]): row[2] for row in tx.execute(_DEAD).fetchall()},
        waiting_messages={row[0]: row[1] for row in tx.execute(_WAITING).fetchall()},
    )
