"""Money that paid a bill is not given back, and a bill whose money went back is not paid: two guards.

See `first_guards` for the manner. Both are refused in words before; these hold where somebody was faster.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_PAYS_A_BILL = """
    EXISTS (SELECT 1 FROM orders b WHERE b.follows_id = NEW.parent_id AND b.state <> 'FAILED')
"""
_WENT_BACK = """
    EXISTS (SELECT 1 FROM orders r WHERE r.parent_id = NEW.follows_id AND r.state <> 'FAILED')
"""
_WORDS = "refunds never exceed the order they belong to: its money paid a bill"

SQLITE_GUARDS = (
    f"""
    CREATE TRIGGER refunds_leave_paid_bills AFTER INSERT ON orders
    WHEN NEW.parent_id IS NOT NULL AND {_PAYS_A_BILL}
    BEGIN SELECT RAISE(ABORT, '{_WORDS}'); END
    """,
    f"""
    CREATE TRIGGER refunds_leave_paid_bills_again AFTER UPDATE OF state ON orders
    WHEN NEW.parent_id IS NOT NULL AND OLD.state = 'FAILED' AND NEW.state <> 'FAILED' AND {_PAYS_A_BILL}
    BEGIN SELECT RAISE(ABORT, '{_WORDS}'); END
    """,
    f"""
    CREATE TRIGGER bills_leave_refunded_money AFTER UPDATE OF state ON orders
    WHEN NEW.follows_id IS NOT NULL AND OLD.state = 'FAILED' AND NEW.state <> 'FAILED' AND {_WENT_BACK}
    BEGIN SELECT RAISE(ABORT, '{_WORDS}'); END
    """,
)


def upgrade() -> None:
    for statement in SQLITE_GUARDS:
        op.execute(statement)
