"""Cash reports, observations, samples, targets and seals."""

from alembic import op

revision = "0005"
down_revision = "0004"

# What somebody said once stays said: a correction is a later record of the same stall, day and source.
EVIDENCE = """
CREATE FUNCTION refuse_change_of_evidence() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what was reported is never changed: record a correction';
END $$;

CREATE TABLE cash_report (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    market_id bigint NOT NULL REFERENCES market,
    stall_id bigint NOT NULL REFERENCES stall,
    business_date date NOT NULL,
    source text NOT NULL CHECK (source IN ('declared', 'booked')),
    amount bigint NOT NULL CHECK (amount BETWEEN 0 AND 1000000000000),
    count integer CHECK (count >= 0),
    recorded_at timestamptz NOT NULL,
    recorded_by text NOT NULL CHECK (recorded_by <> ''),
    CONSTRAINT no_day_is_reported_before_it_comes CHECK (
        business_date <= (recorded_at AT TIME ZONE INTERVAL '7 hours')::date)
);
CREATE INDEX cash_report_day ON cash_report (market_id, business_date, stall_id, source, id DESC)
    INCLUDE (amount, count);
CREATE INDEX cash_report_stall ON cash_report (stall_id, source);
CREATE TRIGGER cash_report_is_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON cash_report
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_evidence();

CREATE TABLE observation (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    market_id bigint NOT NULL REFERENCES market,
    stall_id bigint NOT NULL REFERENCES stall,
    business_date date NOT NULL,
    cashless integer CHECK (cashless >= 0),
    total integer,
    tally_id bigint UNIQUE,
    recorded_at timestamptz NOT NULL,
    recorded_by text NOT NULL CHECK (recorded_by <> ''),
    CONSTRAINT the_part_is_within_the_whole CHECK (cashless <= total),
    CONSTRAINT only_what_was_counted_is_taken_back CHECK (
        num_nulls(cashless, total) = 0 OR (num_nulls(cashless, total) = 2 AND tally_id IS NOT NULL)),
    CONSTRAINT no_day_is_observed_before_it_comes CHECK (
        business_date <= (recorded_at AT TIME ZONE INTERVAL '7 hours')::date)
);
CREATE INDEX observation_day ON observation (market_id, business_date, stall_id, id DESC);
CREATE TRIGGER observation_is_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON observation
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_evidence();

CREATE TABLE sample (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    market_id bigint NOT NULL REFERENCES market,
    period text NOT NULL,
    first date NOT NULL,
    last date NOT NULL CHECK (last >= first),
    size integer NOT NULL CHECK (size > 0),
    seed text NOT NULL CHECK (seed <> ''),
    frame text[] NOT NULL,
    drawn text[] NOT NULL,
    stall_ids bigint[] NOT NULL,
    drawn_at timestamptz NOT NULL,
    drawn_by text NOT NULL CHECK (drawn_by <> ''),
    CONSTRAINT all_that_were_wanted_were_drawn CHECK (
        cardinality(drawn) = size AND cardinality(stall_ids) = size AND drawn <@ frame),
    UNIQUE (market_id, period, size, seed)
);
CREATE TRIGGER sample_is_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON sample
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_evidence();
"""


def upgrade() -> None:
    op.execute(EVIDENCE)
