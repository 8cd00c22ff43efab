"""The funnel of a market: of all its stalls those that trade, are registered, have a code, and use it."""

from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlmodel import Session

from merchants.market import Market
from payments import published
from payments.period import Period

# Each after the first counted as docs/indicators.md counts U, `onboarded`, `acceptance` and `active_use`.
STEPS = ("stalls", "trading", "registered", "code", "in_use")


class Step(NamedTuple):
    """`of_trading`: the share of the stalls that trade; None of all stalls, and where none trades."""

    key: str
    stalls: int
    of_trading: float | None


class Funnel(NamedTuple):
    """`until`: the last day that counts. `k`: the payments a stall in use has at least. `revision`: of the seal."""

    period: Period
    until: date
    is_complete: bool
    k: int
    revision: int | None
    steps: tuple[Step, ...]


_STALLS = text("""
    SELECT count(DISTINCT s.id) FROM stall s
    JOIN stall_state state ON state.stall_id = s.id AND state.superseded_at IS NULL AND state.status <> 'closed'
        AND state.since <= :last AND (state.until IS NULL OR state.until > :first)
    WHERE s.market_id = :market
""")


def read(session: Session, market: Market, period_text: str, as_of: datetime) -> Funnel:
    """As the figures of the period say, sealed or as of now. Refuses what they refuse.

    These three speak of activity alone and are the same for everybody: nothing of the others leaves this function, so
    what hides them need not be worked out.
    """
    rates = published.rates(session, f"market:{market.code}", period_text, audience="internal", as_of=as_of)
    figures = {each.indicator: each for each in rates.whole.figures}
    trading = figures["onboarded"].N
    until = rates.period.counted_until(as_of)
    asked = {"market": market.key, "first": rates.period.first, "last": until}
    counts = (
        session.execute(_STALLS, asked).scalar_one(),
        trading,
        *(figures[name].numerator or 0 for name in ("onboarded", "acceptance", "active_use")),
    )
    steps = (
        Step(key, number, number / trading if trading and key != "stalls" else None)
        for key, number in zip(STEPS, counts, strict=True)
    )
    complete = rates.period.complete(as_of)
    return Funnel(rates.period, until, complete, figures["active_use"].k or 1, rates.revision, tuple(steps))
