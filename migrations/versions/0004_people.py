"""Staff, vendors, sessions and the audit."""

from alembic import op

revision = "0004"
down_revision = "0003"

PEOPLE = """
CREATE TABLE staff (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CHECK (name <> ''),
    name_key text NOT NULL UNIQUE,
    password_hash text,
    password_at timestamptz,
    totp bytea,
    totp_at timestamptz,
    totp_step bigint,
    added_at timestamptz NOT NULL,
    ended_at timestamptz,
    CONSTRAINT a_password_is_dated CHECK ((password_hash IS NULL) = (password_at IS NULL)),
    CONSTRAINT a_second_factor_has_a_secret CHECK (totp_at IS NULL OR totp IS NOT NULL)
);

CREATE TABLE appointment (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    staff_id bigint NOT NULL REFERENCES staff,
    role text NOT NULL CHECK (role IN ('helper', 'board', 'ward', 'province', 'operator')),
    area text,
    given_at timestamptz NOT NULL,
    ended_at timestamptz,
    CONSTRAINT an_office_has_its_area CHECK (CASE role
        WHEN 'operator' THEN area IS NULL
        WHEN 'ward' THEN area IS NOT NULL AND area ~ '^ward:[0-9]{5}$'
        WHEN 'province' THEN area IS NOT NULL AND area ~ '^province:[0-9]{2}$'
        ELSE area IS NOT NULL AND area ~ '^market:[a-z0-9][a-z0-9-]{0,39}$'
    END)
);
CREATE UNIQUE INDEX appointment_once ON appointment (staff_id, role, area) NULLS NOT DISTINCT
    WHERE ended_at IS NULL;

CREATE TABLE recovery_code (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    staff_id bigint NOT NULL REFERENCES staff,
    code_hash bytea NOT NULL,
    made_at timestamptz NOT NULL,
    used_at timestamptz,
    UNIQUE (staff_id, code_hash)
);

CREATE TABLE vendor (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    phone text UNIQUE CHECK (phone ~ '^0[0-9]{9,10}$'),
    added_at timestamptz NOT NULL
);

CREATE TABLE invitation (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token_hash bytea NOT NULL UNIQUE,
    staff_id bigint REFERENCES staff,
    vendor_id bigint REFERENCES vendor,
    made_at timestamptz NOT NULL,
    made_by text NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CONSTRAINT it_invites_one CHECK (num_nonnulls(staff_id, vendor_id) = 1)
);

CREATE TABLE phone_code (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    handle_hash bytea NOT NULL UNIQUE,
    phone text NOT NULL CHECK (phone ~ '^0[0-9]{9,10}$'),
    code_hash bytea NOT NULL,
    made_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    tries integer NOT NULL,
    used_at timestamptz,
    asked_from bytea
);
CREATE INDEX phone_code_made ON phone_code (made_at);

CREATE TABLE visit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token_hash bytea NOT NULL UNIQUE,
    staff_id bigint REFERENCES staff,
    vendor_id bigint REFERENCES vendor,
    begun_at timestamptz NOT NULL,
    proved_at timestamptz,
    seen_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    ended_at timestamptz,
    address text NOT NULL,
    browser text NOT NULL,
    CONSTRAINT one_person_visits CHECK (num_nonnulls(staff_id, vendor_id) = 1)
);
CREATE INDEX visit_staff ON visit (staff_id) WHERE ended_at IS NULL;
CREATE INDEX visit_vendor ON visit (vendor_id) WHERE ended_at IS NULL;

CREATE TABLE throttle (
    key bytea PRIMARY KEY,
    failures integer NOT NULL CHECK (failures > 0),
    fading_since timestamptz NOT NULL,
    open_at timestamptz NOT NULL
);
CREATE INDEX throttle_fading ON throttle (fading_since);

CREATE INDEX merchant_phone ON merchant (phone) WHERE phone IS NOT NULL;
"""

AUDIT = """
CREATE TABLE audit (
    number bigint PRIMARY KEY CHECK (number > 0),
    at timestamptz NOT NULL,
    who text NOT NULL CHECK (who <> ''),
    what text NOT NULL CHECK (what <> ''),
    subject text,
    before jsonb,
    after jsonb,
    previous bytea NOT NULL,
    digest bytea NOT NULL
);
CREATE INDEX audit_subject ON audit (subject, number) WHERE subject IS NOT NULL;

CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit is never changed: what was done stays written';
END $$;
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
"""


def upgrade() -> None:
    op.execute(PEOPLE)
    op.execute(AUDIT)
