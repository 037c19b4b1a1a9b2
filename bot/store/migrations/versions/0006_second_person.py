"""Above what one asker's payouts of a day need a second person, where a merchant says so."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE merchants ADD COLUMN approve_asker_over_minor BIGINT")
