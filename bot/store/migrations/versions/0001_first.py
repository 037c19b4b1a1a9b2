"""The first schema.

Ids are UUID text made by us, amounts BIGINT minor units, times BIGINT epoch milliseconds, truth
values SMALLINT, JSON is TEXT. What must never be is refused here, whatever code may try it.
"""

from alembic import op

from bot.store.migrations.first_guards import (
    FINAL,
    MAY_FOLLOW,
    SOURCES,
    SQLITE_GUARDS,
    STATES,
)

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

STATEMENTS = (
    # ---- people
    """
    CREATE TABLE people (
        id TEXT NOT NULL PRIMARY KEY,
        language TEXT NOT NULL,
        created_ms BIGINT NOT NULL,
        language_chosen SMALLINT NOT NULL CHECK (language_chosen IN (0, 1))
    )
    """,
    """
    CREATE TABLE addresses (
        id TEXT NOT NULL PRIMARY KEY,
        person_id TEXT NOT NULL REFERENCES people (id),
        kind TEXT NOT NULL CHECK (kind <> ''),
        value TEXT NOT NULL CHECK (value <> ''),
        created_ms BIGINT NOT NULL,
        seen_ms BIGINT NOT NULL,
        verified_ms BIGINT,
        ended_ms BIGINT,
        reachable SMALLINT NOT NULL CHECK (reachable IN (0, 1))
    )
    """,
    "CREATE UNIQUE INDEX addresses_one_live_owner ON addresses (kind, value) WHERE ended_ms IS NULL",
    "CREATE INDEX addresses_of_person ON addresses (person_id) WHERE ended_ms IS NULL",
    """
    CREATE TABLE link_codes (
        hash TEXT NOT NULL PRIMARY KEY,
        person_id TEXT NOT NULL REFERENCES people (id),
        msisdn TEXT NOT NULL,
        expires_ms BIGINT NOT NULL,
        used_ms BIGINT
    )
    """,
    "CREATE INDEX link_codes_of_person ON link_codes (person_id)",
    "CREATE INDEX link_codes_by_end ON link_codes (expires_ms)",
    # ---- merchants
    """
    CREATE TABLE merchants (
        id TEXT NOT NULL PRIMARY KEY,
        code TEXT NOT NULL CHECK (code <> ''),
        name TEXT NOT NULL,
        connection TEXT NOT NULL,
        currency TEXT NOT NULL,
        created_ms BIGINT NOT NULL,
        active SMALLINT NOT NULL CHECK (active IN (0, 1)),
        max_amount_minor BIGINT CHECK (max_amount_minor > 0)
    )
    """,
    "CREATE UNIQUE INDEX merchants_one_code ON merchants (lower(code))",
    """
    CREATE TABLE staff (
        id TEXT NOT NULL PRIMARY KEY,
        merchant_id TEXT NOT NULL REFERENCES merchants (id),
        role TEXT NOT NULL,
        name TEXT NOT NULL,
        created_ms BIGINT NOT NULL,
        address_kind TEXT NOT NULL,
        address_value TEXT NOT NULL,
        pin_hash TEXT NOT NULL,
        wrong_tries INTEGER NOT NULL CHECK (wrong_tries >= 0),
        locked SMALLINT NOT NULL CHECK (locked IN (0, 1)),
        enrol_hash TEXT NOT NULL,
        enrol_expires_ms BIGINT NOT NULL
    )
    """,
    "CREATE INDEX staff_by_address ON staff (address_kind, address_value) WHERE address_value <> ''",
    "CREATE INDEX staff_of_merchant ON staff (merchant_id)",
    "CREATE UNIQUE INDEX staff_one_enrolment ON staff (enrol_hash) WHERE enrol_hash <> ''",
    # ---- conversations
    """
    CREATE TABLE conversations (
        id TEXT NOT NULL PRIMARY KEY,
        person_id TEXT NOT NULL REFERENCES people (id),
        address_kind TEXT NOT NULL,
        address_value TEXT NOT NULL,
        flow TEXT NOT NULL,
        facts TEXT NOT NULL,
        journal TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('active', 'ended')),
        version BIGINT NOT NULL,
        created_ms BIGINT NOT NULL,
        updated_ms BIGINT NOT NULL,
        serial INTEGER NOT NULL,
        wrong INTEGER NOT NULL,
        page INTEGER NOT NULL,
        offering SMALLINT NOT NULL CHECK (offering IN (0, 1)),
        dropped_ms BIGINT,
        order_id TEXT,
        message_ref TEXT NOT NULL,
        holder TEXT NOT NULL
    )
    """,
    "CREATE UNIQUE INDEX conversations_one_active ON conversations (person_id) WHERE state = 'active'",
    "CREATE INDEX conversations_by_age ON conversations (updated_ms)",
    """
    CREATE TABLE sessions (
        id TEXT NOT NULL PRIMARY KEY,
        gateway TEXT NOT NULL,
        session_id TEXT NOT NULL,
        msisdn TEXT NOT NULL,
        generation INTEGER NOT NULL,
        conversation_id TEXT,
        open SMALLINT NOT NULL CHECK (open IN (0, 1)),
        started_ms BIGINT NOT NULL,
        last_ms BIGINT NOT NULL,
        text_length INTEGER NOT NULL,
        text_hash TEXT NOT NULL,
        first_key TEXT NOT NULL,
        turns INTEGER NOT NULL,
        UNIQUE (gateway, session_id, msisdn, generation)
    )
    """,
    "CREATE INDEX sessions_by_age ON sessions (last_ms)",
    # `seq` is the order of arrival within a scope: two turns may bear the same millisecond.
    """
    CREATE TABLE turns (
        scope TEXT NOT NULL,
        key TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('running', 'done')),
        at_ms BIGINT NOT NULL,
        text TEXT NOT NULL,
        keep_open SMALLINT NOT NULL CHECK (keep_open IN (0, 1)),
        lease_until_ms BIGINT NOT NULL,
        seq BIGINT NOT NULL,
        PRIMARY KEY (scope, key)
    )
    """,
    "CREATE INDEX turns_in_order ON turns (scope, seq)",
    "CREATE INDEX turns_by_age ON turns (at_ms)",
    "CREATE INDEX turns_running ON turns (lease_until_ms) WHERE state = 'running'",
    # ---- orders and their ledger
    # `reference_key` is the reference without hyphens, `hint_*` a hint that came during a lease.
    f"""
    CREATE TABLE orders (
        id TEXT NOT NULL PRIMARY KEY,
        code TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN {STATES}),
        connection TEXT NOT NULL,
        merchant_id TEXT NOT NULL,
        person_id TEXT NOT NULL REFERENCES people (id),
        amount_minor BIGINT NOT NULL,
        currency TEXT NOT NULL,
        payer TEXT NOT NULL,
        reference TEXT NOT NULL UNIQUE,
        origin_channel TEXT NOT NULL,
        origin_kind TEXT NOT NULL,
        origin_value TEXT NOT NULL,
        created_ms BIGINT NOT NULL,
        updated_ms BIGINT NOT NULL,
        version BIGINT NOT NULL,
        conversation_id TEXT,
        act_position INTEGER,
        network TEXT NOT NULL,
        note TEXT NOT NULL,
        provider_reference TEXT NOT NULL,
        financial_id TEXT NOT NULL,
        reason TEXT,
        provider_code TEXT NOT NULL,
        sent_ms BIGINT,
        accepted_ms BIGINT,
        otp_tries INTEGER NOT NULL CHECK (otp_tries >= 0),
        otp_expires_ms BIGINT,
        due_ms BIGINT,
        asks INTEGER NOT NULL CHECK (asks >= 0),
        asked_ms BIGINT,
        deadline_ms BIGINT,
        attempts INTEGER NOT NULL CHECK (attempts >= 0),
        hinted_by TEXT,
        fence BIGINT NOT NULL,
        lease_until_ms BIGINT NOT NULL,
        pending_ref TEXT NOT NULL,
        parent_id TEXT REFERENCES orders (id),
        reference_key TEXT NOT NULL UNIQUE,
        hint_ms BIGINT,
        hint_spacing_ms BIGINT,
        UNIQUE (conversation_id, act_position),
        CHECK (act_position IS NULL OR conversation_id IS NOT NULL),
        CHECK (amount_minor > 0 OR (amount_minor = 0 AND kind IN ('preapproval', 'invoice_cancel'))),
        CHECK (state NOT IN {FINAL}
            OR (due_ms IS NULL AND hint_ms IS NULL AND lease_until_ms = 0)),
        CHECK (state IN {FINAL} OR due_ms IS NOT NULL),
        CHECK ((kind = 'refund') = (parent_id IS NOT NULL)),
        CHECK (state <> 'NEW' OR (sent_ms IS NULL AND accepted_ms IS NULL)),
        CHECK (state <> 'SUCCESSFUL' OR reason IS NULL)
    )
    """,
    "CREATE INDEX orders_due ON orders (due_ms, id) WHERE due_ms IS NOT NULL",
    "CREATE INDEX orders_leased ON orders (lease_until_ms) WHERE lease_until_ms > 0",
    "CREATE INDEX orders_of_person ON orders (person_id, created_ms)",
    "CREATE INDEX orders_by_age ON orders (created_ms, id)",
    "CREATE INDEX orders_of_payer ON orders (payer, connection)",
    f"CREATE INDEX orders_open_of_payer ON orders (payer) WHERE state NOT IN {FINAL}",
    f"CREATE INDEX orders_open_connections ON orders (connection) WHERE state NOT IN {FINAL}",
    "CREATE INDEX orders_collected ON orders (merchant_id, currency, amount_minor)"
    " WHERE state = 'SUCCESSFUL' AND kind = 'collection'",
    "CREATE INDEX orders_waiting_for_otp ON orders (person_id) WHERE state = 'NEEDS_OTP'",
    "CREATE INDEX orders_by_origin ON orders (origin_kind, origin_value)",
    # A provider's reference is one order's. Looked up without the connection, so that comes second.
    "CREATE UNIQUE INDEX orders_one_provider_reference ON orders (provider_reference, connection)"
    " WHERE provider_reference <> ''",
    "CREATE INDEX orders_of_parent ON orders (parent_id) WHERE parent_id IS NOT NULL",
    f"""
    CREATE TABLE transitions (
        order_id TEXT NOT NULL REFERENCES orders (id),
        seq INTEGER NOT NULL CHECK (seq > 0),
        held TEXT CHECK (held IN {STATES}),
        said TEXT NOT NULL CHECK (said IN {STATES}),
        source TEXT NOT NULL CHECK (source IN {SOURCES}),
        at_ms BIGINT NOT NULL,
        reason TEXT,
        provider_code TEXT NOT NULL,
        note TEXT NOT NULL,
        PRIMARY KEY (order_id, seq),
        CHECK ((seq = 1) = (held IS NULL)),
        CHECK (held IS NOT NULL OR said = 'NEW'),
        CHECK (source <> 'operator' OR note <> ''),
        CHECK ({MAY_FOLLOW})
    )
    """,
    # ---- outgoing messages
    # `urgency` ranks the kind; `seq` is the order of creation.
    """
    CREATE TABLE messages (
        id TEXT NOT NULL PRIMARY KEY,
        dedupe_key TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        person_id TEXT NOT NULL,
        address_kind TEXT NOT NULL,
        address_value TEXT NOT NULL,
        view TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'dead', 'dropped')),
        created_ms BIGINT NOT NULL,
        due_ms BIGINT NOT NULL,
        order_id TEXT,
        conversation_id TEXT,
        edits TEXT NOT NULL,
        sent_ref TEXT NOT NULL,
        sent_ms BIGINT,
        attempts INTEGER NOT NULL CHECK (attempts >= 0),
        fence BIGINT NOT NULL,
        lease_until_ms BIGINT NOT NULL,
        error TEXT NOT NULL,
        urgency SMALLINT NOT NULL,
        seq BIGINT NOT NULL,
        CHECK ((state = 'sent') = (sent_ms IS NOT NULL)),
        CHECK (state = 'queued' OR lease_until_ms = 0)
    )
    """,
    "CREATE INDEX messages_to_send ON messages (urgency, created_ms, seq, id) WHERE state = 'queued'",
    "CREATE INDEX messages_next ON messages (due_ms) WHERE state = 'queued'",
    "CREATE INDEX messages_queued_of_address ON messages (address_kind, address_value, seq)"
    " WHERE state = 'queued'",
    "CREATE INDEX messages_in_order ON messages (seq)",
    "CREATE INDEX messages_sent_to_address ON messages (address_kind, address_value, sent_ms)"
    " WHERE sent_ms IS NOT NULL",
    "CREATE INDEX messages_of_order ON messages (order_id) WHERE order_id IS NOT NULL",
    # Another index that begins with the state or with the address would be taken for the queue's
    # statements too, which then read the whole history instead of what waits.
    "CREATE INDEX messages_dead ON messages (created_ms) WHERE state = 'dead'",
    "CREATE INDEX messages_untold ON messages (person_id, created_ms)"
    " WHERE state = 'dead' AND kind = 'result'",
    "CREATE INDEX messages_by_age ON messages (created_ms)",
    # ---- incoming updates
    # A row without a body is only remembered. SQLite takes any name of a type.
    """
    CREATE TABLE inbox (
        source TEXT NOT NULL,
        update_id BIGINT NOT NULL,
        chat TEXT NOT NULL,
        body BYTEA,
        received_ms BIGINT NOT NULL,
        attempts INTEGER NOT NULL CHECK (attempts >= 0),
        fence BIGINT NOT NULL,
        due_ms BIGINT NOT NULL DEFAULT 0,
        lease_until_ms BIGINT NOT NULL DEFAULT 0,
        PRIMARY KEY (source, update_id)
    )
    """,
    "CREATE INDEX inbox_waiting ON inbox (source, chat, update_id) WHERE body IS NOT NULL",
    "CREATE INDEX inbox_remembered ON inbox (received_ms) WHERE body IS NULL",
    """
    CREATE TABLE webhooks (
        id TEXT NOT NULL PRIMARY KEY,
        connection TEXT NOT NULL,
        event TEXT NOT NULL,
        provider_reference TEXT NOT NULL,
        reference TEXT NOT NULL,
        received_ms BIGINT NOT NULL,
        UNIQUE (connection, event, provider_reference, reference)
    )
    """,
    "CREATE INDEX webhooks_by_age ON webhooks (received_ms)",
    # ---- chores
    """
    CREATE TABLE incidents (
        id TEXT NOT NULL PRIMARY KEY,
        dedupe_key TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        order_id TEXT,
        text TEXT NOT NULL,
        at_ms BIGINT NOT NULL
    )
    """,
    "CREATE INDEX incidents_by_age ON incidents (at_ms)",
    "CREATE INDEX incidents_of_order ON incidents (order_id) WHERE order_id IS NOT NULL",
    """
    CREATE TABLE uses (
        bucket TEXT NOT NULL,
        at_ms BIGINT NOT NULL,
        uses INTEGER NOT NULL CHECK (uses > 0),
        ends_ms BIGINT NOT NULL,
        PRIMARY KEY (bucket, at_ms)
    )
    """,
    "CREATE INDEX uses_by_end ON uses (ends_ms)",
    "CREATE TABLE probes (id SMALLINT NOT NULL PRIMARY KEY, serial BIGINT NOT NULL)",
    "INSERT INTO probes (id, serial) VALUES (1, 0)",
)


def upgrade() -> None:
    for statement in STATEMENTS + SQLITE_GUARDS:
        op.execute(statement)
