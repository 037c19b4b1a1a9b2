"""Codes of agreements and of what waits for approval are found at once: none is drawn twice."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

STATEMENTS = (
    "CREATE INDEX agreements_of_code ON agreements (code)",
    "CREATE INDEX approvals_of_code ON approvals (json_extract(wanted, '$.code'))",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
