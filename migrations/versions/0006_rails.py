"""Card payments: what befalls a sale after it was made, payouts, and what they are made of."""

from alembic import op

revision = "0006"
down_revision = "0005"

# Keyed hashes stay comparable when the secret key is rotated: their key is the books' own, kept sealed.
KEYS = "ALTER TABLE installation ADD COLUMN hash_key bytea"

CARDS = """
CREATE TABLE card_event (
    id text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('refund', 'refund_failed', 'dispute', 'reinstated', 'payout')),
    subject text NOT NULL,
    intent text,
    amount bigint NOT NULL CHECK (amount > 0),
    currency text NOT NULL CHECK (currency <> ''),
    status text,
    arrives_on date,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    handled_at timestamptz,
    PRIMARY KEY (id, kind),
    CONSTRAINT a_payout_has_a_status CHECK ((kind = 'payout') = (status IS NOT NULL))
);
CREATE INDEX card_event_waiting ON card_event (id, kind) WHERE handled_at IS NULL;
CREATE INDEX card_event_intent ON card_event (intent) WHERE intent IS NOT NULL;
CREATE INDEX notice_card ON notice (reference) WHERE provider = 'stripe' AND repeat_of IS NULL;

CREATE TABLE payout (
    id text PRIMARY KEY,
    amount bigint NOT NULL CHECK (amount > 0),
    currency text NOT NULL,
    status text NOT NULL CHECK (status IN ('paid', 'failed')),
    arrives_on date,
    told_at timestamptz NOT NULL,
    cursor text,
    fetched_at timestamptz,
    names bigint[] NOT NULL DEFAULT '{}'
);

CREATE TABLE settlement (
    id text PRIMARY KEY,
    payout_id text REFERENCES payout,
    notice_id bigint REFERENCES notice,
    kind text NOT NULL,
    source text,
    amount bigint NOT NULL,
    fee bigint NOT NULL,
    net bigint NOT NULL,
    currency text NOT NULL,
    available_on date NOT NULL,
    made_at timestamptz NOT NULL,
    CONSTRAINT net_is_what_the_fee_leaves CHECK (net = amount - fee)
);
CREATE INDEX settlement_payout ON settlement (payout_id);
CREATE INDEX settlement_notice ON settlement (notice_id) WHERE notice_id IS NOT NULL;
"""


def upgrade() -> None:
    op.execute(KEYS)
    op.execute(CARDS)
