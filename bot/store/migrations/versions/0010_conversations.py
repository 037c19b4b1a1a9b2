"""Columns of conversations that nothing reads any more."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE conversations DROP COLUMN dropped_ms",
    "ALTER TABLE conversations DROP COLUMN message_ref",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
