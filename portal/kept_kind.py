"""Every kind of thing that is kept about a vendor: where it lies, how long, and what an erasure does to it."""

from typing import NamedTuple

# The stalls of a vendor's merchants, with the days on which they were theirs: what others took there is not hers.
HELD = """
    held AS (SELECT stall_id, since, until FROM stall_state
        WHERE merchant_id = ANY(CAST(:merchants AS bigint[])) AND superseded_at IS NULL)
"""
_ON_HER_DAYS = "x.{day} >= h.since AND (h.until IS NULL OR x.{day} < h.until)"


class Kind(NamedTuple):
    """`tables`: all that it is read from. `rows` asks for :vendor, :who, :phone and :merchants.

    `fate`: it `goes`, it stays `nameless`, or it `stays` because the books or the law need it. How long it is kept
    otherwise stands in the word files.
    """

    key: str
    tables: tuple[str, ...]
    fate: str
    rows: str


def _at_her_stalls(columns: str, source: str, day: str) -> str:
    """Rows of a table `x` about a stall and a day, of her stalls on her days."""
    return f"""
        WITH {HELD} SELECT {columns} FROM held h JOIN stall s ON s.id = h.stall_id
        JOIN {source} x ON x.stall_id = h.stall_id AND {_ON_HER_DAYS.format(day=day)} ORDER BY x.{day}
    """


# The entries on either side of which one of her stalls stands, on her days; what left the stall is negative. That
# they begin with `stall:` is said twice, for the indexes that know only of these.
MINE = f"""
    {HELD}, mine AS (
        SELECT x.id, x.notice_id, x.line_id, h.stall_id, x.amount FROM held h JOIN entry x
        ON x.credit = 'stall:' || h.stall_id AND x.credit LIKE 'stall:%' AND {_ON_HER_DAYS.format(day="business_date")}
        UNION ALL
        SELECT x.id, x.notice_id, x.line_id, h.stall_id, -x.amount FROM held h JOIN entry x
        ON x.debit = 'stall:' || h.stall_id AND x.debit LIKE 'stall:%' AND {_ON_HER_DAYS.format(day="business_date")})
"""
PAYMENTS = f"""
    WITH {MINE} SELECT s.number AS stall, e.business_date AS day, e.occurred_at AS at, e.kind, m.amount,
        coalesce(n.reference, l.reference) AS reference, coalesce(n.provider, 'statement') AS provider
    FROM mine m JOIN entry e ON e.id = m.id JOIN stall s ON s.id = m.stall_id
    LEFT JOIN notice n ON n.id = e.notice_id LEFT JOIN statement_line l ON l.id = e.line_id
    ORDER BY e.business_date, e.id
"""
# What was told of her payments: the notices and lines behind them, and the lines of accounts that served her alone.
TOLD = f"""
    {MINE}, alone AS (
        SELECT used.id FROM stall_state s CROSS JOIN LATERAL (VALUES (s.account_id), (s.virtual_account_id)) AS used(id)
        WHERE used.id IS NOT NULL GROUP BY used.id
        HAVING bool_and(s.merchant_id = ANY(CAST(:merchants AS bigint[])))),
    notices AS (SELECT DISTINCT notice_id AS id FROM mine WHERE notice_id IS NOT NULL),
    lines AS (
        SELECT line_id AS id FROM mine WHERE line_id IS NOT NULL
        UNION SELECT m.line_id FROM match m WHERE m.notice_id IN (SELECT id FROM notices)
        UNION SELECT l.id FROM statement_line l WHERE l.account_id IN (SELECT id FROM alone))
"""

KINDS = (
    Kind("account", ("vendor",), "goes", "SELECT phone, added_at AS since FROM vendor WHERE id = :vendor"),
    Kind(
        "sessions",
        ("visit",),
        "goes",
        """SELECT begun_at, seen_at, coalesce(ended_at, ends_at) AS ends_at, address, browser FROM visit
        WHERE vendor_id = :vendor ORDER BY id""",
    ),
    Kind(
        "codes_sent",
        ("phone_code", "invitation"),
        "goes",
        """SELECT made_at AS at, expires_at AS ends_at, used_at FROM phone_code WHERE phone = :phone
        UNION ALL SELECT made_at, expires_at, used_at FROM invitation WHERE vendor_id = :vendor ORDER BY 1""",
    ),
    Kind(
        "person",
        ("merchant",),
        "nameless",
        """SELECT m.name AS market, t.name, t.phone, t.added_at AS since FROM merchant t
        JOIN market m ON m.id = t.market_id WHERE t.id = ANY(CAST(:merchants AS bigint[])) ORDER BY t.id""",
    ),
    Kind(
        "roll",
        ("stall_state", "stall", "account"),
        "nameless",
        """SELECT m.name AS market, s.number AS stall, x.since, x.until, x.status, x.section, x.goods, a.bin AS bank,
            a.number AS account, v.number AS virtual_account, x.account_name, x.recorded_at, x.superseded_at
        FROM stall_state x JOIN stall s ON s.id = x.stall_id JOIN market m ON m.id = s.market_id
        LEFT JOIN account a ON a.id = x.account_id LEFT JOIN account v ON v.id = x.virtual_account_id
        WHERE x.merchant_id = ANY(CAST(:merchants AS bigint[])) ORDER BY x.id""",
    ),
    Kind(
        "feeds",
        ("feed",),
        "stays",
        """SELECT DISTINCT f.number AS account, f.provider, f.since FROM feed f JOIN account a ON a.number = f.number
        JOIN stall_state x ON a.id IN (x.account_id, x.virtual_account_id)
            AND x.merchant_id = ANY(CAST(:merchants AS bigint[]))
        WHERE f.superseded_at IS NULL ORDER BY 1, 3""",
    ),
    Kind(
        "qr",
        ("code",),
        "nameless",
        """SELECT s.number AS stall, c.serial, c.payload, c.live_from, c.revoked_on, c.revoke_reason AS reason
        FROM code c JOIN stall s ON s.id = c.stall_id
        WHERE c.merchant_id = ANY(CAST(:merchants AS bigint[])) ORDER BY c.id""",
    ),
    Kind(
        "placards",
        ("placard", "placard_step"),
        "stays",
        """SELECT c.serial, x.step, x.since, x.recorded_by AS by FROM placard_step x
        JOIN placard p ON p.id = x.placard_id JOIN code c ON c.id = p.code_id
        WHERE c.merchant_id = ANY(CAST(:merchants AS bigint[])) ORDER BY x.id""",
    ),
    Kind(
        "applications",
        ("application", "application_step"),
        "nameless",
        """SELECT m.name AS market, a.stall, a.name, a.phone, a.bin AS bank, a.account, a.account_name, a.kind, a.state,
            a.filled_at, a.submitted_at, a.decided_at,
            (SELECT string_agg(x.reason, ' / ' ORDER BY x.id) FROM application_step x WHERE x.application_id = a.id)
                AS reason
        FROM application a JOIN market m ON m.id = a.market_id
        WHERE a.vendor_id = :vendor OR a.phone = :phone OR a.merchant_id = ANY(CAST(:merchants AS bigint[]))
        ORDER BY a.id""",
    ),
    Kind(
        "consents",
        ("consent", "application"),
        "nameless",
        """SELECT agreed_at AS at, agreed_version AS version, agreed_by AS how, agreed_wording AS wording
        FROM application WHERE agreed_at IS NOT NULL
            AND (vendor_id = :vendor OR merchant_id = ANY(CAST(:merchants AS bigint[])))
        UNION ALL SELECT given_at, purpose, 'visit', wording FROM consent WHERE who = :who ORDER BY 1""",
    ),
    Kind("payments", ("entry", "notice", "statement_line"), "stays", PAYMENTS),
    Kind(
        "days",
        ("stall_day",),
        "stays",
        _at_her_stalls(
            """s.number AS stall, x.business_date AS day, x.sales_value + x.refunds_value AS amount,
            x.sales_count AS times, x.refunds_value AS refunds""",
            "stall_day",
            "business_date",
        ),
    ),
    Kind(
        "memos",
        ("notice", "statement_line", "match"),
        "goes",
        f"""WITH {TOLD} SELECT n.received_at AS at FROM notice n WHERE n.id IN (SELECT id FROM notices)
            AND (n.raw IS NOT NULL OR n.memo IS NOT NULL)
        UNION ALL SELECT l.occurred_at FROM statement_line l WHERE l.id IN (SELECT id FROM lines)
            AND l.memo IS NOT NULL""",
    ),
    Kind(
        "words",
        ("own_word",),
        "stays",
        _at_her_stalls(
            "s.number AS stall, x.said_at AS at, x.kind, x.amount, x.undone_at AS ends_at", "own_word", "business_date"
        ),
    ),
    Kind(
        "cash",
        ("cash_report",),
        "stays",
        _at_her_stalls(
            "s.number AS stall, x.business_date AS day, x.source, x.amount, x.count AS times, x.recorded_at",
            "cash_report",
            "business_date",
        ),
    ),
    Kind(
        "statements",
        ("statement",),
        "stays",
        """SELECT bank, imported_at AS at, first_day AS since, last_day AS until, lines AS times FROM statement
        WHERE imported_by = :who ORDER BY id""",
    ),
    Kind(
        "rounds",
        ("inspection", "inspection_photo"),
        "nameless",
        _at_her_stalls(
            """s.number AS stall, x.inspected_at AS at, x.inspected_by AS by, x.verdict, x.settlement AS reason,
            EXISTS (SELECT FROM inspection_photo p WHERE p.inspection_id = x.id) AS photo""",
            "inspection",
            "inspected_on",
        ),
    ),
    Kind(
        "counts",
        ("tally", "observation"),
        "stays",
        f"""WITH {HELD} SELECT s.number AS stall, x.business_date AS day, x.cashless, x.total, x.recorded_by AS by
        FROM held h JOIN stall s ON s.id = h.stall_id JOIN (
            SELECT stall_id, business_date, cashless, cashless + cash AS total, recorded_by FROM tally
            UNION ALL SELECT stall_id, business_date, cashless, total, recorded_by FROM observation) x
        ON x.stall_id = h.stall_id AND {_ON_HER_DAYS.format(day="business_date")} ORDER BY x.business_date""",
    ),
    Kind(
        "findings",
        ("finding",),
        "nameless",
        _at_her_stalls(
            "s.number AS stall, x.business_date AS day, x.kind, x.amount, x.status, x.reason",
            "finding",
            "business_date",
        ),
    ),
    Kind(
        "acts",
        ("audit",),
        "stays",
        "SELECT at, what, subject FROM audit WHERE who = :who ORDER BY number",
    ),
)

# What has nothing of a vendor in it, or nothing by which she could be found.
NOT_HERS = frozenset(
    {
        "alembic_version",
        "api_key",
        "appointment",
        "backfill",
        "book_change",
        "card_event",
        "corroboration",
        "installation",
        "leaving",
        "market",
        "market_move",
        "payout",
        "print_run",
        "reconciliation",
        "recovery_code",
        "sample",
        "seal",
        "seal_roll",
        "settlement",
        "staff",
        "target",
        "throttle",
    }
)
