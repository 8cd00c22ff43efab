"""Matching statement lines with notices, and what follows from it in the journal."""

from alembic import op

revision = "0003"
down_revision = "0002"

FACTS = """
-- What a fact is called and what it mentions: keyed 64-bit hashes of references, so that they can be compared.
ALTER TABLE notice
    ADD COLUMN names bigint[] NOT NULL DEFAULT '{}',
    ADD COLUMN named bigint[] NOT NULL DEFAULT '{}';
CREATE INDEX notice_account ON notice (account, business_date) WHERE direction = 'in' AND repeat_of IS NULL;
CREATE INDEX notice_day ON notice USING brin (business_date);  -- notices come in the order of their days

ALTER TABLE statement_line
    ADD COLUMN names bigint[] NOT NULL DEFAULT '{}',
    ADD COLUMN named bigint[] NOT NULL DEFAULT '{}';

ALTER TABLE statement ADD COLUMN reconciled_through date;
CREATE TABLE consent (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    who text NOT NULL,
    purpose text NOT NULL CHECK (purpose IN ('statement')),
    account_id bigint NOT NULL REFERENCES account,
    wording text NOT NULL CHECK (wording <> ''),
    given_at timestamptz NOT NULL
);
CREATE INDEX consent_account ON consent (account_id);

CREATE TABLE reconciliation (
    id integer PRIMARY KEY CHECK (id = 1),
    through date,
    judged_on date
);
INSERT INTO reconciliation (id) VALUES (1);

-- Without foreign keys, which cost as much as the matching: lines and notices are never deleted, and `verify` looks.
CREATE TABLE match (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    line_id bigint NOT NULL,
    notice_id bigint NOT NULL,
    rule text NOT NULL CHECK (rule IN ('reference', 'memo', 'virtual_account', 'token', 'time', 'batch')),
    matched_at timestamptz NOT NULL,
    undone_at timestamptz CHECK (undone_at >= matched_at)
);
CREATE UNIQUE INDEX one_line_for_a_notice ON match (notice_id) WHERE undone_at IS NULL;
CREATE UNIQUE INDEX one_notice_for_a_line ON match (line_id) WHERE undone_at IS NULL AND rule <> 'batch';
CREATE INDEX match_batch ON match (line_id) WHERE rule = 'batch';
"""

BOOKS = """
ALTER TABLE entry
    ALTER COLUMN notice_id DROP NOT NULL,
    ALTER COLUMN occurred_at DROP NOT NULL,
    ADD COLUMN line_id bigint REFERENCES statement_line,
    ADD COLUMN by_line_id bigint REFERENCES statement_line,
    ADD COLUMN sales smallint NOT NULL DEFAULT 1,
    DROP CONSTRAINT entry_kind_check,
    DROP CONSTRAINT the_kind_fits_its_accounts,
    ADD CONSTRAINT told_by_a_notice_or_a_line CHECK (num_nonnulls(notice_id, line_id) = 1),
    ADD CONSTRAINT the_kind_fits_its_accounts CHECK (CASE kind
        WHEN 'sale' THEN debit LIKE 'world:%' AND credit LIKE 'stall:%'
        WHEN 'held' THEN debit LIKE 'world:%' AND credit LIKE 'suspense:%'
        WHEN 'attributed' THEN debit LIKE 'suspense:%' AND credit LIKE 'stall:%'
        WHEN 'moved' THEN debit LIKE 'stall:%' AND credit LIKE 'stall:%'
        WHEN 'returned' THEN debit LIKE 'stall:%' AND credit LIKE 'suspense:%'
        WHEN 'reversal' THEN (debit LIKE 'stall:%' OR debit LIKE 'suspense:%') AND credit LIKE 'world:%'
        WHEN 'restored' THEN debit LIKE 'world:%' AND (credit LIKE 'stall:%' OR credit LIKE 'suspense:%')
        WHEN 'corrected' THEN (debit LIKE 'world:%') <> (credit LIKE 'world:%')
        WHEN 'refund' THEN debit LIKE 'stall:%' AND credit LIKE 'world:%'
        WHEN 'reinstated' THEN debit LIKE 'world:%' AND credit LIKE 'stall:%'
        ELSE false END),
    ADD CONSTRAINT the_kind_fits_its_count CHECK (CASE
        WHEN kind IN ('corrected', 'refund', 'reinstated') THEN sales = 0
        WHEN kind IN ('reversal', 'restored') THEN sales IN (0, 1)
        ELSE sales = 1 END);
CREATE UNIQUE INDEX entry_line_once ON entry (line_id) WHERE kind IN ('sale', 'held');
CREATE INDEX entry_line ON entry (line_id) WHERE line_id IS NOT NULL;
CREATE INDEX entry_by_line ON entry (by_line_id) WHERE by_line_id IS NOT NULL;

ALTER TABLE stall_day
    ADD COLUMN refunds_value bigint NOT NULL DEFAULT 0,
    ADD COLUMN confirmed_value bigint NOT NULL DEFAULT 0,
    DROP CONSTRAINT stall_day_pkey,
    ADD PRIMARY KEY (market_id, business_date, stall_id)
        INCLUDE (sales_value, sales_count, refunds_value, confirmed_value);

ALTER TABLE finding
    ALTER COLUMN notice_id DROP NOT NULL,
    ADD COLUMN line_id bigint UNIQUE REFERENCES statement_line,
    DROP CONSTRAINT finding_kind_check,
    ADD CONSTRAINT finding_kind_check CHECK (kind IN ('unattributed', 'ambiguous', 'unknown_account', 'implausible',
        'repeated', 'not_in_statement', 'not_notified', 'amount_differs')),
    ADD CONSTRAINT about_a_notice_or_a_line CHECK (num_nonnulls(notice_id, line_id) = 1);
CREATE INDEX finding_alike ON finding (id) WHERE detail ? 'alike';
-- The few that matching asks for each time, among many.
CREATE INDEX finding_assigned ON finding (line_id) WHERE status = 'assigned';
CREATE INDEX finding_implausible ON finding (notice_id) WHERE kind = 'implausible';
CREATE INDEX finding_ambiguous ON finding (line_id) WHERE kind = 'ambiguous';
"""


def upgrade() -> None:
    op.execute(FACTS)
    op.execute(BOOKS)
