"""Approvals that ran out say so: a state of its own, and found by their time."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

STATEMENTS = (
    # SQLite changes no CHECK: the table is made anew, with its indexes and its guard.
    "ALTER TABLE approvals RENAME TO old_approvals",
    "DROP INDEX approvals_one_act",
    "DROP INDEX approvals_waiting",
    "DROP INDEX approvals_of_code",
    "DROP TRIGGER approvals_are_decided_once",
    """
    CREATE TABLE approvals (
        id TEXT NOT NULL PRIMARY KEY,
        merchant_id TEXT NOT NULL REFERENCES merchants (id),
        state TEXT NOT NULL CHECK (state IN ('waiting', 'approved', 'refused', 'expired')),
        wanted TEXT NOT NULL,
        asked_by TEXT NOT NULL REFERENCES staff (id),
        created_ms BIGINT NOT NULL,
        expires_ms BIGINT NOT NULL,
        decided_by TEXT NOT NULL,
        decided_ms BIGINT,
        order_id TEXT REFERENCES orders (id),
        conversation_id TEXT,
        act_position INTEGER,
        CHECK ((state = 'waiting') = (decided_ms IS NULL)),
        CHECK (state <> 'approved' OR order_id IS NOT NULL),
        CHECK (decided_by <> asked_by)
    )
    """,
    """
    INSERT INTO approvals
    SELECT id, merchant_id, state, wanted, asked_by, created_ms, expires_ms, decided_by, decided_ms, order_id,
        conversation_id, act_position FROM old_approvals
    """,
    "DROP TABLE old_approvals",
    "CREATE UNIQUE INDEX approvals_one_act ON approvals (conversation_id, act_position)"
    " WHERE conversation_id IS NOT NULL",
    "CREATE INDEX approvals_waiting ON approvals (merchant_id, created_ms) WHERE state = 'waiting'",
    "CREATE INDEX approvals_of_code ON approvals (json_extract(wanted, '$.code'))",
    "CREATE INDEX approvals_to_end ON approvals (expires_ms) WHERE state = 'waiting'",
    """
    CREATE TRIGGER approvals_are_decided_once BEFORE UPDATE ON approvals WHEN OLD.state <> 'waiting'
    BEGIN SELECT RAISE(ABORT, 'an approval is decided once'); END
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
