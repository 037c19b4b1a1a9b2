"""A message remembers the topic of its chat it belongs to, where the chat has topics."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE messages ADD COLUMN thread TEXT NOT NULL DEFAULT ''")
