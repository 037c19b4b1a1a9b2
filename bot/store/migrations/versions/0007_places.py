"""Where orders and agreements belong, what a provider spoke of and nobody has looked into yet, and what is
known of how an account answers."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_STAYS = "where an order belongs never changes"

STATEMENTS = (
    # Empty until the next start, which knows where each account leads.
    "ALTER TABLE orders ADD COLUMN place TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE orders ADD COLUMN sent_with TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE orders ADD COLUMN missed_ms BIGINT",
    "ALTER TABLE orders ADD COLUMN doubted_ms BIGINT",
    "ALTER TABLE agreements ADD COLUMN place TEXT NOT NULL DEFAULT ''",
    "CREATE INDEX orders_without_place ON orders (connection) WHERE place = ''",
    "CREATE INDEX agreements_without_place ON agreements (connection) WHERE place = ''",
    # Where each account leads now, as the last start found it.
    """
    CREATE TABLE places (
        connection TEXT NOT NULL PRIMARY KEY,
        place TEXT NOT NULL CHECK (place <> ''),
        keys TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE learned (
        place TEXT NOT NULL,
        keys TEXT NOT NULL,
        fact TEXT NOT NULL CHECK (fact <> ''),
        at_ms BIGINT NOT NULL,
        PRIMARY KEY (place, keys, fact)
    )
    """,
    """
    CREATE TABLE rechecks (
        order_id TEXT NOT NULL PRIMARY KEY REFERENCES orders (id),
        source TEXT NOT NULL CHECK (source IN ('callback', 'webhook', 'poll')),
        said TEXT,
        since_ms BIGINT NOT NULL,
        due_ms BIGINT NOT NULL,
        tries INTEGER NOT NULL CHECK (tries >= 0),
        news INTEGER NOT NULL CHECK (news > 0),
        fence BIGINT NOT NULL
    )
    """,
    "CREATE INDEX rechecks_due ON rechecks (due_ms, order_id)",
    "CREATE INDEX webhooks_of_reference ON webhooks (reference) WHERE reference <> ''",
)
SQLITE_GUARDS = (
    f"""
    CREATE TRIGGER orders_keep_their_place BEFORE UPDATE OF place ON orders
    WHEN OLD.place <> '' AND NEW.place <> OLD.place
    BEGIN SELECT RAISE(ABORT, '{_STAYS}'); END
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS + SQLITE_GUARDS:
        op.execute(statement)
