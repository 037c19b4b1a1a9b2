"""The references that people read and type: one space for orders, agreements and what waits for approval."""

from typing import Final

from bot.store.base import Conflict
from bot.store.rows import Tx

__all__ = ["must_be_free"]

# An agreement has the code of the order that makes it, and what waits that of the order it may become.
_TAKEN: Final = """
    SELECT 1 FROM orders WHERE code = ? AND id <> ? AND COALESCE(agreement_id, '') <> ?
    UNION ALL SELECT 1 FROM agreements WHERE code = ? AND id <> ?
    UNION ALL SELECT 1 FROM approvals
        WHERE json_extract(wanted, '$.code') = ? AND json_extract(wanted, '$.id') <> ?
    LIMIT 1
"""


def must_be_free(tx: Tx, code: str, *, order_id: str = "", agreement_id: str = "") -> None:
    """Raises Conflict("code") where something else bears the code, whatever became of it: another is to be
    drawn. None of these rows is ever deleted, so no code comes again."""
    given = (code, order_id, agreement_id, code, agreement_id, code, order_id)
    if tx.execute(_TAKEN, given).fetchone() is not None:
        raise Conflict("code")
