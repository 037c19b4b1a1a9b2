"""Staff who hear of each payment, and the payments that are told them as a sum."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE announcing (
        staff_id TEXT NOT NULL PRIMARY KEY REFERENCES staff (id),
        since_ms BIGINT NOT NULL,
        quiet_from SMALLINT NOT NULL CHECK (quiet_from BETWEEN 0 AND 23),
        quiet_until SMALLINT NOT NULL CHECK (quiet_until BETWEEN 0 AND 23),
        daily SMALLINT NOT NULL CHECK (daily IN (0, 1)),
        due_ms BIGINT
    )
    """,
    "CREATE INDEX announcing_due ON announcing (due_ms) WHERE due_ms IS NOT NULL",
    """
    CREATE TABLE held_back (
        staff_id TEXT NOT NULL REFERENCES announcing (staff_id),
        order_id TEXT NOT NULL REFERENCES orders (id),
        seq BIGINT NOT NULL,
        at_ms BIGINT NOT NULL,
        PRIMARY KEY (staff_id, order_id)
    )
    """,
    "CREATE INDEX held_back_in_order ON held_back (staff_id, seq)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
