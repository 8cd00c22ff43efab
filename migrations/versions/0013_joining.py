"""How a vendor joins and leaves: applications, their decisions, and why somebody left."""

from alembic import op

revision = "0013"
down_revision = "0012"

# What was erased at a vendor's wish is NULL, her name a pseudonym: that she applied and was approved stays.
APPLICATIONS = """
CREATE TABLE application (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('joining', 'change')),
    market_id bigint NOT NULL REFERENCES market,
    stall text NOT NULL CHECK (stall <> ''),
    name text NOT NULL CHECK (name <> ''),
    phone text CHECK (phone ~ '^0[0-9]{9,10}$'),
    bin text CHECK (bin ~ '^[0-9]{6}$'),
    account text CHECK (account ~ '^[A-Z0-9]{1,19}$'),
    account_name text CHECK (account_name <> ''),
    vendor_id bigint REFERENCES vendor,
    merchant_id bigint REFERENCES merchant,
    state text NOT NULL CHECK (state IN ('draft', 'submitted', 'returned', 'approved', 'declined', 'withdrawn')),
    filled_at timestamptz NOT NULL,
    filled_by text NOT NULL CHECK (filled_by <> ''),
    agreed_at timestamptz,
    agreed_by text CHECK (agreed_by IN ('code', 'slip', 'visit')),
    agreed_version text,
    agreed_wording text,
    submitted_at timestamptz,
    submitted_by text,
    decided_at timestamptz,
    decided_by text,
    slip_hash bytea UNIQUE,
    slip_until timestamptz,
    erased_at timestamptz,
    CONSTRAINT it_is_whole_until_it_is_erased CHECK (
        erased_at IS NOT NULL OR num_nulls(phone, bin, account, account_name) = 0),
    CONSTRAINT an_agreement_is_whole CHECK (num_nulls(agreed_at, agreed_by, agreed_version, agreed_wording) IN (0, 4)),
    CONSTRAINT nothing_is_submitted_without_agreement CHECK (
        state IN ('draft', 'returned', 'withdrawn') OR num_nulls(agreed_at, submitted_at, submitted_by) = 0),
    CONSTRAINT a_decision_is_dated_and_signed CHECK (
        state IN ('draft', 'submitted', 'withdrawn') OR num_nulls(decided_at, decided_by) = 0),
    CONSTRAINT the_approver_is_not_the_applicant CHECK (
        state <> 'approved' OR decided_by NOT IN (filled_by, submitted_by)),
    CONSTRAINT whose_account_is_changed_is_known CHECK (kind <> 'change' OR merchant_id IS NOT NULL)
);
CREATE INDEX application_market ON application (market_id, state);
CREATE INDEX application_phone ON application (phone) WHERE phone IS NOT NULL;
CREATE UNIQUE INDEX one_open_application_a_stall ON application (vendor_id, market_id, upper(stall), kind)
    WHERE state IN ('draft', 'submitted', 'returned') AND vendor_id IS NOT NULL;

CREATE TABLE application_step (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    application_id bigint NOT NULL REFERENCES application ON DELETE CASCADE,
    step text NOT NULL CHECK (step IN ('submit', 'return', 'approve', 'decline', 'withdraw')),
    at timestamptz NOT NULL,
    by text NOT NULL CHECK (by <> ''),
    reason text CHECK (reason <> ''),
    CONSTRAINT who_says_no_says_why CHECK (step NOT IN ('return', 'decline') OR reason IS NOT NULL)
);
CREATE INDEX application_step_of ON application_step (application_id, id);
"""

# Neither a stall nor a person, and the month only: why somebody left is counted, never told of her.
LEAVINGS = """
CREATE TABLE leaving (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    market_id bigint NOT NULL REFERENCES market,
    month date NOT NULL CHECK (extract(day FROM month) = 1),
    reason text NOT NULL CHECK (reason IN ('tax', 'fraud', 'bank', 'closed', 'other'))
);
CREATE INDEX leaving_month ON leaving (market_id, month);
"""

# What left a stall again is little; a vendor who asks what is kept of her shall not have the whole journal read.
JOURNAL = "CREATE INDEX entry_from_stall ON entry (debit, business_date) WHERE debit LIKE 'stall:%'"


def upgrade() -> None:
    op.execute(APPLICATIONS)
    op.execute(LEAVINGS)
    op.execute(JOURNAL)
