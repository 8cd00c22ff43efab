"""The registry, the notices, the journal and its rollup."""

from alembic import op

revision = "0001"
down_revision = None

# "+ 0" in the constraints hides their slow GiST indexes from look-ups, whose own indexes cost a seventh of it.
REGISTRY = """
CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE TABLE installation (
    id integer PRIMARY KEY CHECK (id = 1),
    created_at timestamptz NOT NULL,
    key_fingerprint text NOT NULL,
    registry_version bigint NOT NULL DEFAULT 0,
    demo_day date
);

CREATE TABLE market (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code text NOT NULL UNIQUE CHECK (code ~ '^[a-z0-9][a-z0-9-]{0,39}$'),
    name text NOT NULL CHECK (name <> ''),
    kind text NOT NULL CHECK (kind IN ('market', 'street')),
    since date NOT NULL,
    made_up boolean NOT NULL,
    added_at timestamptz NOT NULL
);

CREATE TABLE market_move (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    market_id bigint NOT NULL REFERENCES market,
    since date NOT NULL,
    ward_code text NOT NULL CHECK (ward_code ~ '^[0-9]{5}$'),
    recorded_at timestamptz NOT NULL,
    superseded_at timestamptz
);
CREATE UNIQUE INDEX market_move_once ON market_move (market_id, since) WHERE superseded_at IS NULL;

CREATE TABLE merchant (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    market_id bigint NOT NULL REFERENCES market,
    name text NOT NULL CHECK (name <> ''),
    phone text CHECK (phone ~ '^0[0-9]{9,10}$'),
    added_at timestamptz NOT NULL
);
CREATE INDEX ix_merchant_market_id ON merchant (market_id);

CREATE TABLE account (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    bin text NOT NULL CHECK (bin ~ '^[0-9]{6}$'),
    number text NOT NULL CHECK (number ~ '^[A-Z0-9]{1,19}$'),
    UNIQUE (number, bin)
);

CREATE TABLE stall (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    market_id bigint NOT NULL REFERENCES market,
    number text NOT NULL CHECK (number <> '')
);
CREATE UNIQUE INDEX stall_number ON stall (market_id, upper(number));

CREATE TABLE stall_state (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stall_id bigint NOT NULL REFERENCES stall,
    since date NOT NULL,
    until date CHECK (until > since),
    status text NOT NULL CHECK (status IN ('trading', 'vacant', 'suspended', 'closed')),
    section text,
    goods text,
    merchant_id bigint REFERENCES merchant,
    account_id bigint REFERENCES account,
    virtual_account_id bigint REFERENCES account,
    account_name text,
    recorded_at timestamptz NOT NULL,
    superseded_at timestamptz,
    CONSTRAINT a_trading_stall_has_a_merchant CHECK (status <> 'trading' OR merchant_id IS NOT NULL),
    CONSTRAINT nobody_trades_at_an_empty_stall CHECK (
        status IN ('trading', 'suspended')
        OR num_nonnulls(merchant_id, account_id, virtual_account_id) = 0),
    CONSTRAINT one_state_at_a_time EXCLUDE USING gist (
        (stall_id + 0) WITH =, daterange(since, until) WITH &&) WHERE (superseded_at IS NULL),
    CONSTRAINT a_virtual_account_serves_one_at_a_time EXCLUDE USING gist (
        (virtual_account_id + 0) WITH =, daterange(since, until) WITH &&) WHERE (superseded_at IS NULL)
);
CREATE INDEX stall_state_account ON stall_state (account_id) WHERE superseded_at IS NULL;
CREATE INDEX stall_state_virtual_account ON stall_state (virtual_account_id) WHERE superseded_at IS NULL;
CREATE INDEX stall_state_stall ON stall_state (stall_id) INCLUDE (since, until, status, merchant_id, account_id,
    virtual_account_id) WHERE superseded_at IS NULL;

CREATE TABLE code (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    serial text NOT NULL UNIQUE,
    stall_id bigint NOT NULL REFERENCES stall,
    merchant_id bigint NOT NULL REFERENCES merchant,
    account_id bigint NOT NULL REFERENCES account,
    virtual_account boolean NOT NULL,
    token text NOT NULL UNIQUE,
    payload text NOT NULL,
    live_from date NOT NULL,
    issued_at timestamptz NOT NULL,
    revoked_on date CHECK (revoked_on >= live_from),
    revoked_at timestamptz,
    revoke_reason text,
    CHECK (num_nulls(revoked_on, revoked_at, revoke_reason) IN (0, 3)),
    CONSTRAINT one_live_code_a_stall EXCLUDE USING gist (
        (stall_id + 0) WITH =, daterange(live_from, revoked_on) WITH &&)
);
CREATE INDEX code_stall ON code (stall_id) INCLUDE (live_from, revoked_on);
"""

BOOKS = """
CREATE TABLE notice (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider text NOT NULL,
    external_id text NOT NULL CHECK (external_id <> ''),
    repeat_of bigint REFERENCES notice,
    received_at timestamptz NOT NULL,
    occurred_at timestamptz NOT NULL,
    business_date date NOT NULL,
    direction text NOT NULL CHECK (direction IN ('in', 'out')),
    amount bigint NOT NULL CHECK (amount > 0),
    bank text,
    bin text,
    account text NOT NULL,
    virtual_account text,
    reference text,
    tokens text[] NOT NULL,
    memo_hash bytea,
    payer_hash bytea,
    memo bytea,
    raw bytea,
    handled_at timestamptz,
    CONSTRAINT the_business_day_is_local CHECK (business_date = (occurred_at AT TIME ZONE INTERVAL '7 hours')::date)
);
CREATE UNIQUE INDEX notice_once ON notice (provider, external_id) WHERE repeat_of IS NULL;
CREATE UNIQUE INDEX notice_repeat_once ON notice (repeat_of, amount, account, virtual_account, direction)
    NULLS NOT DISTINCT WHERE repeat_of IS NOT NULL;
CREATE INDEX notice_waiting ON notice (id) WHERE handled_at IS NULL;
CREATE INDEX notice_raw ON notice (received_at) WHERE raw IS NOT NULL OR memo IS NOT NULL;

CREATE TABLE entry (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('sale', 'held', 'attributed', 'moved')),
    debit text NOT NULL,
    credit text NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    business_date date NOT NULL,
    occurred_at timestamptz NOT NULL,
    posted_at timestamptz NOT NULL,
    notice_id bigint NOT NULL REFERENCES notice,
    reason text,
    CONSTRAINT two_accounts CHECK (debit <> credit),
    CONSTRAINT the_kind_fits_its_accounts CHECK (CASE kind
        WHEN 'sale' THEN debit LIKE 'world:%' AND credit LIKE 'stall:%'
        WHEN 'held' THEN debit LIKE 'world:%' AND credit LIKE 'suspense:%'
        WHEN 'attributed' THEN debit LIKE 'suspense:%' AND credit LIKE 'stall:%'
        WHEN 'moved' THEN debit LIKE 'stall:%' AND credit LIKE 'stall:%'
    END)
);
CREATE UNIQUE INDEX entry_once ON entry (notice_id) WHERE kind IN ('sale', 'held');
CREATE INDEX entry_notice ON entry (notice_id) WHERE kind NOT IN ('sale', 'held');

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the journal is never changed: write a new entry';
END $$;
CREATE TRIGGER entry_is_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE stall_day (
    market_id bigint NOT NULL REFERENCES market,
    business_date date NOT NULL,
    stall_id bigint NOT NULL REFERENCES stall,
    sales_value bigint NOT NULL,
    sales_count integer NOT NULL,
    PRIMARY KEY (market_id, business_date, stall_id) INCLUDE (sales_value, sales_count)
);

CREATE TABLE finding (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('unattributed', 'ambiguous', 'unknown_account', 'implausible', 'repeated')),
    notice_id bigint NOT NULL UNIQUE REFERENCES notice,
    business_date date NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    market_id bigint REFERENCES market,
    stall_id bigint REFERENCES stall,
    candidates bigint[] NOT NULL,
    detail jsonb NOT NULL,
    status text NOT NULL CHECK (status IN ('open', 'assigned', 'closed', 'resolved')),
    opened_at timestamptz NOT NULL,
    decided_at timestamptz,
    decided_by text,
    reason text,
    CONSTRAINT a_decision_is_dated CHECK ((status = 'open') = (decided_at IS NULL))
);
CREATE INDEX finding_open ON finding (id) WHERE status = 'open';
CREATE INDEX finding_market ON finding (market_id);
"""


def upgrade() -> None:
    op.execute(REGISTRY)
    op.execute(BOOKS)
