"""Placards with the steps of their lives, inspections at the stall, and tallies of how customers pay."""

from alembic import op

revision = "0007"
down_revision = "0006"

PLACARDS = """
CREATE TABLE print_run (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    market_id bigint NOT NULL REFERENCES market,
    size text NOT NULL CHECK (size IN ('a6', 'a5')),
    printed_at timestamptz NOT NULL,
    printed_by text NOT NULL CHECK (printed_by <> '')
);
CREATE INDEX print_run_market ON print_run (market_id, id);

CREATE TABLE placard (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    print_run_id bigint NOT NULL REFERENCES print_run,
    code_id bigint NOT NULL REFERENCES code,
    UNIQUE (print_run_id, code_id)
);
CREATE INDEX placard_code ON placard (code_id);

CREATE TABLE placard_step (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    placard_id bigint NOT NULL REFERENCES placard,
    step text NOT NULL CHECK (step IN ('printed', 'handed_over', 'damaged', 'replaced')),
    since date NOT NULL,
    recorded_at timestamptz NOT NULL,
    recorded_by text NOT NULL CHECK (recorded_by <> ''),
    CONSTRAINT a_step_is_taken_once UNIQUE (placard_id, step)
);
"""

ROUNDS = """
CREATE TABLE inspection (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    market_id bigint NOT NULL REFERENCES market,
    stall_id bigint NOT NULL REFERENCES stall,
    code_id bigint REFERENCES code,
    inspected_at timestamptz NOT NULL,
    inspected_on date NOT NULL,
    inspected_by text NOT NULL CHECK (inspected_by <> ''),
    verdict text NOT NULL CHECK (verdict IN ('genuine', 'revoked', 'foreign', 'unreadable')),
    reason text NOT NULL,
    differs jsonb NOT NULL,
    settled_at timestamptz CHECK (settled_at >= inspected_at),
    settled_by text,
    settlement text,
    CONSTRAINT the_business_day_is_local
        CHECK (inspected_on = (inspected_at AT TIME ZONE INTERVAL '7 hours')::date),
    CONSTRAINT a_settlement_is_whole CHECK (num_nulls(settled_at, settled_by, settlement) IN (0, 3))
);
CREATE INDEX inspection_day ON inspection (market_id, inspected_on, stall_id);
CREATE INDEX inspection_open ON inspection (market_id)
    WHERE verdict IN ('foreign', 'revoked') AND settled_at IS NULL;

CREATE TABLE inspection_photo (
    inspection_id bigint PRIMARY KEY REFERENCES inspection,
    photo bytea NOT NULL CHECK (octet_length(photo) <= 61440)
);

CREATE TABLE tally (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sent_id uuid NOT NULL UNIQUE,
    market_id bigint NOT NULL REFERENCES market,
    stall_id bigint NOT NULL REFERENCES stall,
    business_date date NOT NULL,
    cashless integer NOT NULL CHECK (cashless BETWEEN 0 AND 10000),
    cash integer NOT NULL CHECK (cash BETWEEN 0 AND 10000),
    recorded_at timestamptz NOT NULL,
    recorded_by text NOT NULL CHECK (recorded_by <> ''),
    replaces bigint UNIQUE REFERENCES tally,
    CONSTRAINT something_was_counted CHECK (cashless + cash > 0 OR replaces IS NOT NULL),
    CONSTRAINT no_day_is_counted_before_it_comes
        CHECK (business_date <= (recorded_at AT TIME ZONE INTERVAL '7 hours')::date)
);
CREATE INDEX tally_day ON tally (market_id, business_date, stall_id);
CREATE TRIGGER tally_is_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON tally
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_evidence();
ALTER TABLE observation ADD CONSTRAINT a_tally_is_known FOREIGN KEY (tally_id) REFERENCES tally;
"""


def upgrade() -> None:
    op.execute(PLACARDS)
    op.execute(ROUNDS)
