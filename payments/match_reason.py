"""Why this pair: a payment's matches with the bank's lines, those that hold and those undone, each by its rule."""

from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from ground import clock, words
from ground.refusal import Refusal
from merchants import bank

# By the provider's number of it, or the reference that its notice or its line bears.
_NAMED = text("""
    WITH named AS (
        SELECT n.id AS notice_id, m.line_id, m.id AS match_id
        FROM notice n LEFT JOIN match m ON m.notice_id = n.id
        WHERE n.external_id = :name OR upper(btrim(n.reference)) = upper(btrim(:name))
        UNION
        SELECT m.notice_id, l.id, m.id FROM statement_line l LEFT JOIN match m ON m.line_id = l.id
        WHERE upper(btrim(l.reference)) = upper(btrim(:name)) AND l.direction = 'in'
    )
    SELECT n.provider, n.external_id, n.occurred_at AS told_at, n.amount AS told, a.bin, a.number,
        l.business_date AS stated_on, l.occurred_at AS stated_at, l.amount AS stated, m.rule, m.matched_at, m.undone_at
    FROM named x
    LEFT JOIN match m ON m.id = x.match_id
    LEFT JOIN notice n ON n.id = x.notice_id
    LEFT JOIN statement_line l ON l.id = x.line_id
    LEFT JOIN account a ON a.id = l.account_id
    ORDER BY n.provider, n.external_id, m.id, l.id
""")
_MOMENTS = ("told_at", "stated_at", "matched_at", "undone_at")


def of_payment(session: Session, name: str, language: str) -> list[dict[str, Any]]:
    """A row for each match of a payment so named, or one without any; Refusal (404) when nothing is named so."""
    rows = session.execute(_NAMED, {"name": name}).all()
    if not rows:
        raise Refusal("match.unknown", name=name, status=404)
    return [_shown(row, language) for row in rows]


def say(rule: str | None, language: str) -> str:
    """The rule as anybody would say it; None: nothing is paired."""
    return words.say(f"match.rule.{rule or 'none'}", language)


def _shown(row: Any, language: str) -> dict[str, Any]:
    moments = {name: (moment := getattr(row, name)) and clock.stamp(moment) for name in _MOMENTS}
    return {
        "provider": row.provider,
        "external_id": row.external_id,
        "told": row.told,
        "account": row.number and f"{bank.short_name(row.bin)}:{row.number}",
        "stated_on": row.stated_on and row.stated_on.isoformat(),
        "stated": row.stated,
        "rule": row.rule,
        "why": say(row.rule, language),
        **moments,
    }
