"""Which provider's notices make an account's sales, and what the others' notices corroborate."""

from alembic import op

revision = "0011"
down_revision = "0010"

FEEDS = """
CREATE TABLE feed (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number text NOT NULL,
    bin text NOT NULL,
    provider text NOT NULL,
    since date NOT NULL,
    chosen boolean NOT NULL,
    recorded_at timestamptz NOT NULL,
    superseded_at timestamptz
);
CREATE UNIQUE INDEX one_feed_at_a_time ON feed (number, bin, since) WHERE superseded_at IS NULL;

-- Kept beside the books: another feed posts the account that day.
ALTER TABLE notice ADD COLUMN beside boolean NOT NULL DEFAULT false;
CREATE INDEX notice_beside ON notice (provider, business_date) WHERE beside;

-- The line that a notice kept beside the books tells of, as the matching found last.
CREATE TABLE corroboration (
    notice_id bigint PRIMARY KEY,
    line_id bigint NOT NULL
);
CREATE INDEX corroboration_line ON corroboration (line_id);
"""

# Of accounts that were told of before: the first to tell.
FIRST = """
INSERT INTO feed (number, bin, provider, since, chosen, recorded_at)
SELECT DISTINCT ON (number, bin) number, bin, provider, '0001-01-01', false, now() FROM (
    SELECT coalesce(led.number, n.account) AS number, coalesce(led.bin, n.bin, meant.bin, '') AS bin, n.provider,
        n.received_at, n.id
    FROM notice n
    LEFT JOIN LATERAL (
        SELECT min(v.id) AS id, min(v.bin) AS bin FROM account v
        WHERE v.number = n.account AND (n.bin = v.bin OR n.bin IS NULL AND EXISTS (
            SELECT FROM stall_state s WHERE v.id IN (s.account_id, s.virtual_account_id) AND s.superseded_at IS NULL
                AND s.since <= n.business_date AND (s.until IS NULL OR n.business_date < s.until)))
        HAVING count(*) = 1) AS meant ON true
    LEFT JOIN LATERAL (
        SELECT a.number, a.bin FROM stall_state s JOIN account a ON a.id = s.account_id
        WHERE s.virtual_account_id = meant.id AND s.superseded_at IS NULL AND a.id <> meant.id
            AND s.since <= n.business_date AND (s.until IS NULL OR n.business_date < s.until)) AS led ON true
    WHERE n.direction = 'in' AND n.repeat_of IS NULL AND n.handled_at IS NOT NULL AND n.provider <> 'stripe'
) AS told ORDER BY number, bin, received_at, id;
"""


def upgrade() -> None:
    op.execute(FEEDS)
    op.execute(FIRST)
