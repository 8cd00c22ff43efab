"""How far an account's statement has been fetched."""

from alembic import op

revision = "0008"
down_revision = "0007"

BACKFILL = """
CREATE TABLE backfill (
    account_id bigint PRIMARY KEY REFERENCES account,
    first_day date NOT NULL,
    last_day date NOT NULL CHECK (last_day >= first_day),
    next_day date NOT NULL CHECK (next_day BETWEEN first_day AND last_day + 1),
    fetched_through date,
    last_id bigint CHECK (last_id >= 0),
    moved_at timestamptz NOT NULL
);
"""


def upgrade() -> None:
    op.execute(BACKFILL)
