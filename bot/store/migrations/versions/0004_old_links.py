"""Links that nobody can prove any more end: chats under cookies that were not signed, anonymous numbers.

A cookie from before is taken by nobody now, so a result sent there would never be read; with the link
ended it goes to the person's phone. A number that begins with +888 is no phone: it has no wallet.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

STATEMENTS = (
    "UPDATE addresses SET ended_ms = seen_ms WHERE kind = 'web' AND ended_ms IS NULL",
    "UPDATE addresses SET ended_ms = seen_ms"
    " WHERE kind = 'msisdn' AND value LIKE '+888%' AND ended_ms IS NULL",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
