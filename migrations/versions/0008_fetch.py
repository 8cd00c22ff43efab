"""How far an account's statement has been fetched; a line's account is its statement's."""

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

# One look at the statement instead of one at it and one at the account: a file has a million lines.
LINES = """
ALTER TABLE statement ADD CONSTRAINT a_statement_is_of_one_account UNIQUE (id, account_id);
ALTER TABLE statement_line
    DROP CONSTRAINT statement_line_statement_id_fkey,
    DROP CONSTRAINT statement_line_account_id_fkey,
    ADD CONSTRAINT a_line_is_of_its_statements_account
        FOREIGN KEY (statement_id, account_id) REFERENCES statement (id, account_id);
"""


def upgrade() -> None:
    op.execute(BACKFILL)
    op.execute(LINES)
