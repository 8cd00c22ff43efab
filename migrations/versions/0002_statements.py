"""Bank statements and their lines."""

from alembic import op

revision = "0002"
down_revision = "0001"

STATEMENTS = """
CREATE TABLE statement (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES account,
    bank text NOT NULL,
    imported_at timestamptz NOT NULL,
    imported_by text NOT NULL,
    first_day date NOT NULL,
    last_day date NOT NULL CHECK (last_day >= first_day),
    lines integer NOT NULL CHECK (lines >= 0),
    new_lines integer NOT NULL CHECK (new_lines BETWEEN 0 AND lines),
    credits bigint NOT NULL CHECK (credits >= 0),
    debits bigint NOT NULL CHECK (debits >= 0),
    opening bigint,
    closing bigint,
    balanced boolean,
    first_line date,
    last_line date CHECK (last_line >= first_line),
    CONSTRAINT new_lines_lie_on_days CHECK (
        num_nonnulls(first_line, last_line) = CASE new_lines WHEN 0 THEN 0 ELSE 2 END),
    CONSTRAINT a_statement_balances CHECK (balanced IS NOT true OR opening + credits - debits = closing)
);
CREATE INDEX statement_account ON statement (account_id, first_day);

CREATE TABLE statement_line (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    statement_id bigint NOT NULL,
    account_id bigint NOT NULL,
    row integer NOT NULL,
    occurred_at timestamptz,
    business_date date NOT NULL,
    direction text NOT NULL CHECK (direction IN ('in', 'out')),
    amount bigint NOT NULL CHECK (amount > 0),
    reference text,
    virtual_account text,
    tokens text[] NOT NULL,
    memo_hash bytea,
    payer_hash bytea,
    memo bytea,
    balance bigint,
    reversal boolean NOT NULL,
    alike bytea NOT NULL,
    nth integer NOT NULL CHECK (nth > 0),
    CONSTRAINT a_line_is_taken_once UNIQUE (account_id, alike, nth),
    CONSTRAINT whom_a_vendor_pays_is_hers CHECK (
        direction = 'in' OR (num_nonnulls(memo, memo_hash, payer_hash, virtual_account) = 0
            AND tokens = '{}' AND (reversal OR reference IS NULL)))
);
CREATE INDEX statement_line_day ON statement_line (account_id, business_date);
CREATE INDEX statement_line_debit ON statement_line (account_id, business_date) WHERE direction = 'out';
CREATE INDEX statement_line_memo ON statement_line (statement_id) WHERE memo IS NOT NULL;

-- A line is of its statement's account. A foreign key looks for each of a file's million lines, which takes as long as
-- storing them; these look once a command.
CREATE FUNCTION refuse_stray_lines() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM (SELECT DISTINCT statement_id, account_id FROM fresh) AS f
               WHERE NOT EXISTS (SELECT FROM statement s WHERE (s.id, s.account_id) = (f.statement_id, f.account_id)))
    THEN
        RAISE EXCEPTION 'a line is of its statement''s account' USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER a_line_is_of_its_statements_account AFTER INSERT ON statement_line
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION refuse_stray_lines();

CREATE FUNCTION refuse_losing_lines() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM statement_line WHERE account_id = OLD.account_id AND statement_id = OLD.id
               AND business_date BETWEEN OLD.first_line AND OLD.last_line)
    THEN
        RAISE EXCEPTION 'a statement with lines stays' USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER a_statement_with_lines_stays BEFORE DELETE OR UPDATE OF id, account_id ON statement
    FOR EACH ROW EXECUTE FUNCTION refuse_losing_lines();

CREATE FUNCTION refuse_moving_lines() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a line stays with its statement' USING ERRCODE = 'foreign_key_violation';
END $$;
CREATE TRIGGER a_line_stays_with_its_statement BEFORE UPDATE OF statement_id, account_id ON statement_line
    FOR EACH ROW EXECUTE FUNCTION refuse_moving_lines();
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
