"""Every kind of order: payouts, agreements, second approvals, switches."""

from alembic import op

from bot.store.migrations.second_guards import SQLITE_GUARDS

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_STATES = "('REQUESTED', 'ACTIVE', 'PAID', 'REFUSED', 'CANCELLED', 'EXPIRED', 'UNRESOLVED')"
_ENDED = "('PAID', 'REFUSED', 'CANCELLED', 'EXPIRED')"

STATEMENTS = (
    "ALTER TABLE orders ADD COLUMN payee TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE orders ADD COLUMN terms TEXT NOT NULL DEFAULT '{}'",
    "ALTER TABLE orders ADD COLUMN agreement_id TEXT",
    "ALTER TABLE orders ADD COLUMN staff_id TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE orders ADD COLUMN approved_by TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE orders ADD COLUMN follows_id TEXT",
    "CREATE UNIQUE INDEX orders_one_follower ON orders (follows_id) WHERE follows_id IS NOT NULL",
    "CREATE INDEX orders_of_agreement ON orders (agreement_id, created_ms) WHERE agreement_id IS NOT NULL",
    "CREATE INDEX orders_of_merchant ON orders (merchant_id, created_ms)",
    "CREATE INDEX orders_paid_out ON orders (currency, created_ms)"
    " WHERE kind IN ('transfer', 'deposit', 'refund')",
    "ALTER TABLE merchants ADD COLUMN approve_over_minor BIGINT",
    f"""
    CREATE TABLE agreements (
        id TEXT NOT NULL PRIMARY KEY,
        kind TEXT NOT NULL CHECK (kind IN ('preapproval', 'invoice', 'consent')),
        state TEXT NOT NULL CHECK (state IN {_STATES}),
        connection TEXT NOT NULL,
        merchant_id TEXT NOT NULL REFERENCES merchants (id),
        person_id TEXT NOT NULL REFERENCES people (id),
        payer TEXT NOT NULL CHECK (payer <> ''),
        amount_minor BIGINT NOT NULL CHECK (amount_minor >= 0),
        currency TEXT NOT NULL,
        reference TEXT NOT NULL UNIQUE,
        code TEXT NOT NULL,
        created_ms BIGINT NOT NULL,
        updated_ms BIGINT NOT NULL,
        version BIGINT NOT NULL,
        until_ms BIGINT,
        every TEXT NOT NULL CHECK (every IN ('', 'day', 'week', 'month')),
        description TEXT NOT NULL,
        staff_id TEXT NOT NULL,
        provider_id TEXT NOT NULL,
        payment_reference TEXT NOT NULL,
        provider_code TEXT NOT NULL,
        due_ms BIGINT,
        asks INTEGER NOT NULL CHECK (asks >= 0),
        fence BIGINT NOT NULL,
        lease_until_ms BIGINT NOT NULL,
        CHECK (state NOT IN {_ENDED} OR (due_ms IS NULL AND lease_until_ms = 0)),
        CHECK (kind = 'consent' OR amount_minor > 0)
    )
    """,
    # One standing pre-approval of a payer for a merchant.
    f"""
    CREATE UNIQUE INDEX agreements_one_preapproval ON agreements (merchant_id, connection, payer)
    WHERE kind = 'preapproval' AND state NOT IN {_ENDED}
    """,
    "CREATE INDEX agreements_of_payer ON agreements (payer, kind)",
    "CREATE INDEX agreements_of_merchant ON agreements (merchant_id, kind, created_ms)",
    "CREATE INDEX agreements_due ON agreements (due_ms) WHERE due_ms IS NOT NULL",
    "CREATE INDEX agreements_leased ON agreements (lease_until_ms) WHERE lease_until_ms > 0",
    f"""
    CREATE TABLE agreement_lines (
        agreement_id TEXT NOT NULL REFERENCES agreements (id),
        seq INTEGER NOT NULL CHECK (seq > 0),
        held TEXT CHECK (held IN {_STATES}),
        said TEXT NOT NULL CHECK (said IN {_STATES}),
        source TEXT NOT NULL,
        at_ms BIGINT NOT NULL,
        note TEXT NOT NULL,
        PRIMARY KEY (agreement_id, seq),
        CHECK ((seq = 1) = (held IS NULL)),
        CHECK (held IS NULL OR held NOT IN {_ENDED})
    )
    """,
    """
    CREATE TABLE approvals (
        id TEXT NOT NULL PRIMARY KEY,
        merchant_id TEXT NOT NULL REFERENCES merchants (id),
        state TEXT NOT NULL CHECK (state IN ('waiting', 'approved', 'refused')),
        wanted TEXT NOT NULL,
        asked_by TEXT NOT NULL REFERENCES staff (id),
        created_ms BIGINT NOT NULL,
        expires_ms BIGINT NOT NULL,
        decided_by TEXT NOT NULL,
        decided_ms BIGINT,
        order_id TEXT REFERENCES orders (id),
        conversation_id TEXT,
        act_position INTEGER,
        CHECK ((state = 'waiting') = (decided_ms IS NULL)),
        CHECK (state <> 'approved' OR order_id IS NOT NULL),
        CHECK (decided_by <> asked_by)
    )
    """,
    "CREATE UNIQUE INDEX approvals_one_act ON approvals (conversation_id, act_position)"
    " WHERE conversation_id IS NOT NULL",
    "CREATE INDEX approvals_waiting ON approvals (merchant_id, created_ms) WHERE state = 'waiting'",
    """
    CREATE TABLE switches (
        name TEXT NOT NULL PRIMARY KEY,
        is_off SMALLINT NOT NULL CHECK (is_off IN (0, 1)),
        who TEXT NOT NULL CHECK (who <> ''),
        reason TEXT NOT NULL,
        at_ms BIGINT NOT NULL
    )
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS + SQLITE_GUARDS:
        op.execute(statement)
