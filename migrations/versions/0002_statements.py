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
    statement_id bigint NOT NULL REFERENCES statement,
    account_id bigint NOT NULL REFERENCES account,
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
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
