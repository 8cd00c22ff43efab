"""Targets of areas, the keys that programs ask with, and how often what figures rest on has changed."""

from alembic import op

revision = "0009"
down_revision = "0008"

TARGETS = """
CREATE TABLE target (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    area text NOT NULL CHECK (area ~ '^(market:[a-z0-9][a-z0-9-]{0,39}|ward:[0-9]{5}|province:[0-9]{2})$'),
    indicator text NOT NULL,
    period text NOT NULL CHECK (period ~ '^[0-9]{4}'),
    value numeric(20, 6) CHECK (value > 0),
    set_at timestamptz NOT NULL,
    set_by text NOT NULL CHECK (set_by <> ''),
    CONSTRAINT the_value_fits_its_unit CHECK (CASE
        WHEN indicator IN ('cashless_value', 'cashless_count') THEN value = trunc(value)
        WHEN indicator IN ('onboarded', 'acceptance', 'verified_acceptance', 'active_use', 'count_share', 'value_share',
            'bill_share', 'reconciled_share') THEN value <= 1
        ELSE false END)
);
CREATE INDEX target_latest ON target (period, area, indicator, id DESC);

CREATE FUNCTION refuse_change_of_target() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a target is never changed: set a newer one';
END $$;
CREATE TRIGGER target_is_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON target
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_target();
"""

KEYS = """
CREATE TABLE api_key (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key_hash bytea NOT NULL UNIQUE,
    name text NOT NULL CHECK (name <> ''),
    area text NOT NULL CHECK (area ~ '^(market:[a-z0-9][a-z0-9-]{0,39}|ward:[0-9]{5}|province:[0-9]{2})$'),
    made_at timestamptz NOT NULL,
    made_by text NOT NULL CHECK (made_by <> ''),
    revoked_at timestamptz CHECK (revoked_at >= made_at),
    revoked_by text,
    used_at timestamptz,
    minute timestamptz,
    requests integer NOT NULL DEFAULT 0 CHECK (requests >= 0),
    CONSTRAINT somebody_revoked_it CHECK (num_nulls(revoked_at, revoked_by) IN (0, 2))
);
CREATE UNIQUE INDEX api_key_name ON api_key (lower(name)) WHERE revoked_at IS NULL;
"""

# A row for each backend and topic, so that nobody ever waits for another to count; their sum grows with every commit.
# Once a transaction is enough, and a thousand statements would leave a thousand versions of the row. `all` counts them
# all, so that nobody has to add up every topic there ever was.
CHANGES = """
CREATE TABLE book_change (
    topic text NOT NULL,
    pid integer NOT NULL,
    changes bigint NOT NULL,
    PRIMARY KEY (topic, pid)
) WITH (fillfactor = 50);

CREATE FUNCTION count_changes(topics text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    this text := pg_current_xact_id()::text || ':';
    counted text := coalesce(current_setting('market40.counted', true), '');
    topic_ text;
BEGIN
    IF left(counted, length(this)) <> this THEN
        counted := this;
    END IF;
    FOREACH topic_ IN ARRAY topics || CASE topics WHEN '{}' THEN '{}'::text[] ELSE ARRAY['all'] END LOOP
        IF position('|' || topic_ || '|' IN counted) = 0 THEN
            INSERT INTO book_change VALUES (topic_, pg_backend_pid(), 1)
                ON CONFLICT (topic, pid) DO UPDATE SET changes = book_change.changes + 1;
            counted := counted || '|' || topic_ || '|';
        END IF;
    END LOOP;
    PERFORM set_config('market40.counted', counted, true);
END $$;

CREATE FUNCTION count_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM count_changes(ARRAY[coalesce(TG_ARGV[0], TG_TABLE_NAME)]);
    RETURN NULL;
END $$;

CREATE FUNCTION count_change_of_months() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    topics text[];
BEGIN
    EXECUTE format($q$
        SELECT coalesce(array_agg(month), '{}')
        FROM (SELECT DISTINCT market_id || ':' || to_char(%I, 'YYYY-MM') AS month FROM changed) AS m
    $q$, TG_ARGV[0]) INTO topics;
    PERFORM count_changes(topics);
    RETURN NULL;
END $$;
"""
# What figures rest on: the registry as a whole, the rest by market and month, which a row never leaves.
REGISTRY = ("market", "market_move", "stall", "stall_state", "code", "sample")
BY_MONTH = {
    "stall_day": "business_date",
    "cash_report": "business_date",
    "observation": "business_date",
    "inspection": "inspected_on",
}
EVENTS = {"INSERT": "NEW", "UPDATE": "NEW", "DELETE": "OLD"}


def upgrade() -> None:
    op.execute(TARGETS)
    op.execute(KEYS)
    op.execute(CHANGES)
    op.execute("CREATE TRIGGER target_change AFTER INSERT ON target FOR EACH STATEMENT EXECUTE FUNCTION count_change()")
    for table in REGISTRY:
        op.execute(
            f"CREATE TRIGGER {table}_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION count_change('registry')"
        )
    for table, day in BY_MONTH.items():
        op.execute(
            f"CREATE TRIGGER {table}_truncated AFTER TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION count_change('registry')"
        )
        for event, rows in EVENTS.items():
            op.execute(
                f"CREATE TRIGGER {table}_{event.lower()}_change AFTER {event} ON {table}"
                f" REFERENCING {rows} TABLE AS changed"
                f" FOR EACH STATEMENT EXECUTE FUNCTION count_change_of_months('{day}')"
            )
