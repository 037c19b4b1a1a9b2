"""What the second schema refuses by itself: see `first_guards` for the manner.

Refunds may now give back a debit under a pre-approval too, no payout begins while payouts are switched
off, and an agreement moves by its own ledger as an order does.
"""

__all__ = ["SQLITE_GUARDS"]

_TERMS = "payee, terms, agreement_id, staff_id, approved_by, follows_id"
_NOTHING_TO_REFUND = """
    NOT EXISTS (
        SELECT 1 FROM orders p WHERE p.id = NEW.parent_id AND p.kind IN ('collection', 'agreement_charge')
        AND p.state = 'SUCCESSFUL' AND p.merchant_id = NEW.merchant_id AND p.connection = NEW.connection
        AND p.currency = NEW.currency
    )
"""
# The refund is among those that are summed.
_MORE_THAN_THE_ORDER = """
    NOT EXISTS (
        SELECT 1 FROM orders p WHERE p.id = NEW.parent_id AND p.amount_minor >= (
            SELECT SUM(r.amount_minor) FROM orders r WHERE r.parent_id = p.id AND r.state <> 'FAILED'
        )
    )
"""
_PAYOUTS_ARE_OFF = """
    NEW.kind IN ('transfer', 'deposit', 'refund')
    AND EXISTS (SELECT 1 FROM switches WHERE name = 'payouts' AND is_off = 1)
"""
# The first line of an agreement is written with it, and every later one before the state it explains.
_NOT_IN_ITS_LEDGER = """
    NOT EXISTS (
        SELECT 1 FROM agreement_lines l WHERE l.agreement_id = NEW.id AND l.held = OLD.state
        AND l.said = NEW.state
        AND l.seq = (SELECT MAX(seq) FROM agreement_lines WHERE agreement_id = NEW.id)
    )
"""

_TERMS_STAY = "the terms of an order never change"
_REFUND = "refunds never exceed the order they belong to"
_OFF = "payouts are switched off"
_APPEND_ONLY = "the ledger is append-only"
_NEVER_DELETED = "an agreement is never deleted"
_BY_THE_LEDGER = "an agreement moves by a line of its ledger"
_DECIDED_ONCE = "an approval is decided once"

SQLITE_GUARDS = (
    f"""
    CREATE TRIGGER orders_keep_all_their_terms BEFORE UPDATE OF {_TERMS} ON orders
    BEGIN SELECT RAISE(ABORT, '{_TERMS_STAY}'); END
    """,
    "DROP TRIGGER refunds_fit",
    f"""
    CREATE TRIGGER refunds_fit AFTER INSERT ON orders
    WHEN NEW.parent_id IS NOT NULL AND ({_NOTHING_TO_REFUND} OR {_MORE_THAN_THE_ORDER})
    BEGIN SELECT RAISE(ABORT, '{_REFUND}'); END
    """,
    f"""
    CREATE TRIGGER payouts_may_be_off BEFORE INSERT ON orders WHEN {_PAYOUTS_ARE_OFF}
    BEGIN SELECT RAISE(ABORT, '{_OFF}'); END
    """,
    f"""
    CREATE TRIGGER agreement_lines_never_change BEFORE UPDATE ON agreement_lines
    BEGIN SELECT RAISE(ABORT, '{_APPEND_ONLY}'); END
    """,
    f"""
    CREATE TRIGGER agreement_lines_never_go BEFORE DELETE ON agreement_lines
    BEGIN SELECT RAISE(ABORT, '{_APPEND_ONLY}'); END
    """,
    f"""
    CREATE TRIGGER agreements_never_go BEFORE DELETE ON agreements
    BEGIN SELECT RAISE(ABORT, '{_NEVER_DELETED}'); END
    """,
    f"""
    CREATE TRIGGER agreements_move_by_the_ledger BEFORE UPDATE OF state ON agreements
    WHEN NEW.state <> OLD.state AND {_NOT_IN_ITS_LEDGER}
    BEGIN SELECT RAISE(ABORT, '{_BY_THE_LEDGER}'); END
    """,
    f"""
    CREATE TRIGGER approvals_are_decided_once BEFORE UPDATE ON approvals WHEN OLD.state <> 'waiting'
    BEGIN SELECT RAISE(ABORT, '{_DECIDED_ONCE}'); END
    """,
)
