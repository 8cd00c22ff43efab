"""Placards with the steps of their lives, and inspections at the stall."""

from alembic import op

revision = "0007"
down_revision = "0006"

PLACARDS = """
CREATE TABLE placard (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code_id bigint NOT NULL REFERENCES code,
    size text NOT NULL CHECK (size IN ('a6', 'a5'))
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


def upgrade() -> None:
    op.execute(PLACARDS)
