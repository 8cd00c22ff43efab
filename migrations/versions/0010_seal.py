"""Seals: figures that no longer change, and what they rest on."""

from alembic import op

revision = "0010"
down_revision = "0009"

# `document` is the canonical JSON that was hashed. What stands beside it is said in it as well, and is there to be
# looked for by; `verify` compares the two.
SEALS = """
CREATE TABLE seal (
    number bigint PRIMARY KEY CHECK (number > 0),
    area text NOT NULL,
    period text NOT NULL,
    revision integer NOT NULL CHECK (revision > 0),
    first date NOT NULL,
    last date NOT NULL CHECK (last >= first),
    sealed_at timestamptz NOT NULL,
    hidden text[] NOT NULL,
    kept jsonb NOT NULL,
    shown jsonb NOT NULL,
    document text NOT NULL,
    previous bytea,
    digest bytea NOT NULL UNIQUE,
    UNIQUE (area, period, revision),
    CONSTRAINT only_the_first_follows_nothing CHECK ((previous IS NULL) = (number = 1))
);
CREATE INDEX seal_kept ON seal (first, last) WHERE kept <> '{}';
CREATE INDEX seal_shown ON seal (first, last) WHERE shown <> '[]';
CREATE INDEX seal_hidden ON seal (period) WHERE hidden <> '{}';

CREATE TABLE seal_roll (
    digest bytea PRIMARY KEY,
    content text NOT NULL
);

CREATE FUNCTION refuse_change_of_seal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a seal is never changed: a later fact gives the next revision';
END $$;
CREATE TRIGGER seal_is_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON seal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_seal();
CREATE TRIGGER seal_roll_is_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON seal_roll
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_seal();
CREATE TRIGGER seal_change AFTER INSERT ON seal FOR EACH STATEMENT EXECUTE FUNCTION count_change();
"""

# Which matches a seal knew as undone: clocks may go wrong or stand still, numbers don't.
MATCHES = """
CREATE SEQUENCE match_undone;
ALTER TABLE match ADD COLUMN undone_number bigint;
CREATE FUNCTION number_undone_match() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.undone_number := nextval('match_undone');
    RETURN NEW;
END $$;
CREATE TRIGGER match_is_undone BEFORE UPDATE OF undone_at ON match FOR EACH ROW
    WHEN (OLD.undone_at IS NULL AND NEW.undone_at IS NOT NULL) EXECUTE FUNCTION number_undone_match();
"""


def upgrade() -> None:
    op.execute(SEALS)
    op.execute(MATCHES)
