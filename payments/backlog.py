"""The backlog: what still waits, for the poster, for a person's decision, or for the bank's statement."""

from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlmodel import Session


class Backlog(NamedTuple):
    """`notices`: kept and not posted yet; `oldest`: when the first of them came. `cards`: refunds, disputes and payouts
    that are kept and not in the books yet. `findings`: the open ones by kind.

    `through`: the last day that was reconciled, None before the first.
    """

    notices: int
    oldest: datetime | None
    cards: int
    findings: dict[str, int]
    through: date | None


# Whoever watches asks often and gives up soon: a database that is too busy to say is as good as away.
_PATIENCE = text("SET LOCAL statement_timeout = '5s'")
# Each reads the index of those that wait, however many have been posted or decided.
_NOTICES = text("SELECT count(*), min(received_at) FROM notice WHERE handled_at IS NULL")
_CARDS = text("SELECT count(*) FROM card_event WHERE handled_at IS NULL")
_FINDINGS = text("SELECT kind, count(*) AS number FROM finding WHERE status = 'open' GROUP BY kind")
_THROUGH = text("SELECT through FROM reconciliation")


def count(session: Session) -> Backlog:
    """As it is now, over all markets."""
    session.execute(_PATIENCE)
    notices, oldest = session.execute(_NOTICES).one()
    findings = {row.kind: row.number for row in session.execute(_FINDINGS)}
    cards = session.execute(_CARDS).scalar_one()
    return Backlog(notices, oldest, cards, findings, session.execute(_THROUGH).scalar_one())
