"""What the first schema refuses by itself, whatever code or hand may try it: the rules as triggers.

The words of a refusal are part of the contract: the store tells a Conflict from a fault of the caller
by them.
"""

__all__ = ["FINAL", "MAY_FOLLOW", "SOURCES", "SQLITE_GUARDS", "STATES"]

FINAL = "('SUCCESSFUL', 'FAILED', 'REVERSED')"
STATES = "('NEW', 'PENDING', 'NEEDS_OTP', 'UNRESOLVED', 'SUCCESSFUL', 'FAILED', 'REVERSED')"
SOURCES = "('us', 'reply', 'callback', 'webhook', 'poll', 'payer', 'operator')"

# Which line the ledger takes after which, on whose word: bot.money.judge, frozen with this schema.
_PROVIDER = "('reply', 'callback', 'webhook', 'poll')"
MAY_FOLLOW = f"""
    held IS NULL
    OR (held = 'NEW' AND said IN ('PENDING', 'FAILED') AND source = 'us')
    OR (held = 'PENDING' AND said IN ('NEEDS_OTP', 'FAILED', 'UNRESOLVED') AND source <> 'operator')
    OR (held = 'NEEDS_OTP' AND said IN ('PENDING', 'FAILED') AND source <> 'operator')
    OR (held IN ('PENDING', 'NEEDS_OTP') AND said IN ('SUCCESSFUL', 'REVERSED') AND source IN {_PROVIDER})
    OR (held = 'UNRESOLVED' AND said IN {FINAL} AND (source IN {_PROVIDER} OR source = 'operator'))
    OR (held = 'SUCCESSFUL' AND said = 'REVERSED' AND source IN {_PROVIDER})
    OR (held = 'FAILED' AND said = 'SUCCESSFUL' AND source = 'operator')
"""

_TERMS = (
    "id, code, kind, connection, merchant_id, amount_minor, currency, payer, reference, reference_key,"
    " parent_id, created_ms"
)
_NOT_BEHIND_THE_LAST = """
    EXISTS (SELECT 1 FROM transitions l WHERE l.order_id = NEW.order_id AND l.seq >= NEW.seq)
    OR (NEW.seq > 1 AND NOT EXISTS (
        SELECT 1 FROM transitions l WHERE l.order_id = NEW.order_id AND l.seq = NEW.seq - 1
        AND l.said = NEW.held AND l.at_ms <= NEW.at_ms
    ))
"""
_NOT_IN_THE_LEDGER = """
    NOT EXISTS (
        SELECT 1 FROM transitions l WHERE l.order_id = NEW.id AND l.held = OLD.state AND l.said = NEW.state
        AND l.seq = (SELECT MAX(seq) FROM transitions WHERE order_id = NEW.id)
    )
"""
_NOBODY_WAS_TOLD = "NOT EXISTS (SELECT 1 FROM incidents i WHERE i.order_id = NEW.id)"
# The refund is among those that are summed.
_MORE_THAN_THE_ORDER = """
    NOT EXISTS (
        SELECT 1 FROM orders p WHERE p.id = NEW.parent_id AND p.amount_minor >= (
            SELECT SUM(r.amount_minor) FROM orders r WHERE r.parent_id = p.id AND r.state <> 'FAILED'
        )
    )
"""
_NOTHING_TO_REFUND = """
    NOT EXISTS (
        SELECT 1 FROM orders p WHERE p.id = NEW.parent_id AND p.kind = 'collection'
        AND p.state = 'SUCCESSFUL' AND p.merchant_id = NEW.merchant_id AND p.connection = NEW.connection
        AND p.currency = NEW.currency
    )
"""
_ACCEPTANCE_REPLACED = """
    (OLD.provider_reference <> '' AND NEW.provider_reference <> OLD.provider_reference)
    OR (OLD.accepted_ms IS NOT NULL AND (NEW.accepted_ms IS NULL OR NEW.accepted_ms <> OLD.accepted_ms))
"""
# Zero says that no copy can have arrived. From one time of sending to another it goes by way of that.
_SENT_AGAIN = """
    (OLD.sent_ms IS NOT NULL AND NEW.sent_ms IS NULL)
    OR (OLD.sent_ms > 0 AND NEW.sent_ms > 0 AND NEW.sent_ms <> OLD.sent_ms)
    OR (NEW.sent_ms = 0 AND (NEW.accepted_ms IS NOT NULL OR NEW.provider_reference <> ''))
"""

_APPEND_ONLY = "the ledger is append-only"
_NEVER_DELETED = "an order is never deleted"
_TERMS_STAY = "the terms of an order never change"
_BEGINS_NEW = "an order begins NEW"
_FOLLOWS = "a line of the ledger follows the one before it"
_BY_THE_LEDGER = "a state changes by a line of the ledger"
_WITH_AN_INCIDENT = "an order becomes UNRESOLVED with an incident"
_REFUND = "refunds never exceed the order they belong to"
_ACCEPTED_ONCE = "what was accepted first is never replaced"
_SENT_ONCE = "a request goes again only where nothing was accepted"

SQLITE_GUARDS = (
    f"""
    CREATE TRIGGER transitions_never_change BEFORE UPDATE ON transitions
    BEGIN SELECT RAISE(ABORT, '{_APPEND_ONLY}'); END
    """,
    f"""
    CREATE TRIGGER transitions_never_go BEFORE DELETE ON transitions
    BEGIN SELECT RAISE(ABORT, '{_APPEND_ONLY}'); END
    """,
    # Also keeps REPLACE from writing over a line: it would not ask the trigger above.
    f"""
    CREATE TRIGGER transitions_follow BEFORE INSERT ON transitions WHEN {_NOT_BEHIND_THE_LAST}
    BEGIN SELECT RAISE(ABORT, '{_FOLLOWS}'); END
    """,
    f"""
    CREATE TRIGGER orders_never_go BEFORE DELETE ON orders
    BEGIN SELECT RAISE(ABORT, '{_NEVER_DELETED}'); END
    """,
    f"""
    CREATE TRIGGER orders_keep_their_terms BEFORE UPDATE OF {_TERMS} ON orders
    BEGIN SELECT RAISE(ABORT, '{_TERMS_STAY}'); END
    """,
    f"""
    CREATE TRIGGER orders_begin_new BEFORE INSERT ON orders WHEN NEW.state <> 'NEW'
    BEGIN SELECT RAISE(ABORT, '{_BEGINS_NEW}'); END
    """,
    # REPLACE would take the older row away without asking. What is taken is left out, as ON CONFLICT
    # DO NOTHING leaves it out.
    """
    CREATE TRIGGER orders_are_not_replaced BEFORE INSERT ON orders WHEN EXISTS (
        SELECT 1 FROM orders WHERE id = NEW.id UNION ALL SELECT 1 FROM orders WHERE code = NEW.code
        UNION ALL SELECT 1 FROM orders WHERE reference_key = NEW.reference_key
        UNION ALL SELECT 1 FROM orders
            WHERE conversation_id = NEW.conversation_id AND act_position = NEW.act_position
    )
    BEGIN SELECT RAISE(IGNORE); END
    """,
    f"""
    CREATE TRIGGER orders_move_by_the_ledger BEFORE UPDATE OF state ON orders
    WHEN NEW.state <> OLD.state AND {_NOT_IN_THE_LEDGER}
    BEGIN SELECT RAISE(ABORT, '{_BY_THE_LEDGER}'); END
    """,
    f"""
    CREATE TRIGGER orders_unresolved_are_told BEFORE UPDATE OF state ON orders
    WHEN NEW.state = 'UNRESOLVED' AND OLD.state <> NEW.state AND {_NOBODY_WAS_TOLD}
    BEGIN SELECT RAISE(ABORT, '{_WITH_AN_INCIDENT}'); END
    """,
    f"""
    CREATE TRIGGER orders_accepted_once BEFORE UPDATE OF provider_reference, accepted_ms ON orders
    WHEN {_ACCEPTANCE_REPLACED}
    BEGIN SELECT RAISE(ABORT, '{_ACCEPTED_ONCE}'); END
    """,
    f"""
    CREATE TRIGGER orders_sent_once BEFORE UPDATE OF sent_ms, provider_reference, accepted_ms ON orders
    WHEN {_SENT_AGAIN}
    BEGIN SELECT RAISE(ABORT, '{_SENT_ONCE}'); END
    """,
    f"""
    CREATE TRIGGER refunds_fit AFTER INSERT ON orders
    WHEN NEW.parent_id IS NOT NULL AND ({_NOTHING_TO_REFUND} OR {_MORE_THAN_THE_ORDER})
    BEGIN SELECT RAISE(ABORT, '{_REFUND}'); END
    """,
    # A refund that failed made room for another; it cannot come back where that room is taken.
    f"""
    CREATE TRIGGER refunds_fit_again AFTER UPDATE OF state ON orders
    WHEN NEW.parent_id IS NOT NULL AND OLD.state = 'FAILED' AND NEW.state <> 'FAILED'
    AND {_MORE_THAN_THE_ORDER}
    BEGIN SELECT RAISE(ABORT, '{_REFUND}'); END
    """,
)
