"""Where the file was last used, what was put back from a copy, and which orders that left in doubt."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_NOT_AGAIN = "what was put back from a copy is never sent again"
_SENT = "OLD.restored_ms IS NOT NULL AND (NEW.restored_ms IS NULL OR NEW.sent_ms = 0)"

STATEMENTS = (
    "ALTER TABLE orders ADD COLUMN restored_ms BIGINT",
    """
    CREATE TABLE marks (
        id SMALLINT NOT NULL PRIMARY KEY,
        token TEXT NOT NULL,
        serial BIGINT NOT NULL,
        seen_ms BIGINT NOT NULL
    )
    """,
    "INSERT INTO marks (id, token, serial, seen_ms) VALUES (1, '', 0, 0)",
    """
    CREATE TABLE restores (
        id TEXT NOT NULL PRIMARY KEY,
        since_ms BIGINT NOT NULL,
        noticed_ms BIGINT NOT NULL
    )
    """,
)
SQLITE_GUARDS = (
    f"""
    CREATE TRIGGER orders_restored_stay BEFORE UPDATE OF sent_ms, restored_ms ON orders WHEN {_SENT}
    BEGIN SELECT RAISE(ABORT, '{_NOT_AGAIN}'); END
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS + SQLITE_GUARDS:
        op.execute(statement)
