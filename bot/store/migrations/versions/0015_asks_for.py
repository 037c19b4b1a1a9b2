"""What a merchant asks of whoever pays, such as a table number; empty for those who ask nothing."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE merchants ADD COLUMN asks_for TEXT NOT NULL DEFAULT ''")
