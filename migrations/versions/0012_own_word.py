"""What a vendor says herself of her own payments, and the index that finds them."""

from alembic import op

revision = "0012"
down_revision = "0011"

WORDS = """
CREATE TABLE own_word (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('returned', 'not_sale')),
    stall_id bigint NOT NULL REFERENCES stall,
    notice_id bigint REFERENCES notice,
    line_id bigint REFERENCES statement_line,
    amount bigint CHECK (amount > 0),
    business_date date NOT NULL,
    said_at timestamptz NOT NULL,
    said_by text NOT NULL CHECK (said_by <> ''),
    sent_id uuid NOT NULL UNIQUE,
    undone_at timestamptz CHECK (undone_at >= said_at),
    undone_by text,
    CONSTRAINT said_of_a_notice_or_a_line CHECK (num_nonnulls(notice_id, line_id) = 1),
    CONSTRAINT an_amount_is_what_was_returned CHECK ((kind = 'returned') = (amount IS NOT NULL)),
    CONSTRAINT undone_by_somebody CHECK ((undone_at IS NULL) = (undone_by IS NULL)),
    CONSTRAINT the_business_day_is_local CHECK (business_date = (said_at AT TIME ZONE INTERVAL '7 hours')::date)
);
CREATE UNIQUE INDEX not_a_sale_once ON own_word (notice_id, line_id) NULLS NOT DISTINCT
    WHERE kind = 'not_sale' AND undone_at IS NULL;
CREATE INDEX own_word_notice ON own_word (notice_id) WHERE notice_id IS NOT NULL;
CREATE INDEX own_word_line ON own_word (line_id) WHERE line_id IS NOT NULL;
"""

# `own:81` is what lies at stall 81 and was no sale: whatever else befalls it, it may befall it there.
BOOKS = """
ALTER TABLE entry
    DROP CONSTRAINT the_kind_fits_its_accounts,
    ADD CONSTRAINT the_kind_fits_its_accounts CHECK (CASE kind
        WHEN 'sale' THEN debit LIKE 'world:%' AND credit LIKE 'stall:%'
        WHEN 'held' THEN debit LIKE 'world:%' AND credit LIKE 'suspense:%'
        WHEN 'attributed' THEN debit LIKE 'suspense:%' AND credit LIKE 'stall:%'
        WHEN 'moved' THEN debit ~ '^(stall|own):' AND credit LIKE 'stall:%'
        WHEN 'returned' THEN debit ~ '^(stall|own):' AND credit LIKE 'suspense:%'
        WHEN 'reversal' THEN debit ~ '^(stall|own|suspense):' AND credit LIKE 'world:%'
        WHEN 'restored' THEN debit LIKE 'world:%' AND credit ~ '^(stall|own|suspense):'
        WHEN 'corrected' THEN (debit LIKE 'world:%') <> (credit LIKE 'world:%')
        WHEN 'refund' THEN debit LIKE 'stall:%' AND credit LIKE 'world:%'
        WHEN 'reinstated' THEN debit LIKE 'world:%' AND credit LIKE 'stall:%'
        WHEN 'not_sale' THEN debit = 'stall:' || substr(credit, 5) AND credit LIKE 'own:%'
        WHEN 'sale_again' THEN debit LIKE 'own:%' AND credit = 'stall:' || substr(debit, 5)
        ELSE false END);
CREATE INDEX entry_stall ON entry (credit, business_date) WHERE credit LIKE 'stall:%';
"""


def upgrade() -> None:
    op.execute(WORDS)
    op.execute(BOOKS)
