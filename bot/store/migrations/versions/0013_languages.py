"""Whoever is known has the language they were spoken to in: nobody asks them for it now."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("UPDATE people SET language_chosen = 1")
