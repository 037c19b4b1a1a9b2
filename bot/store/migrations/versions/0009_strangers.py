"""Chats that nobody linked are found by when they were last heard of."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

STATEMENTS = (
    "CREATE INDEX addresses_unlinked ON addresses (seen_ms) WHERE verified_ms IS NULL AND ended_ms IS NULL",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
