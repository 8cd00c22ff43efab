"""The indicators of an area and period: one function each, and the whole answer CONTRACT.md fixes."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlmodel import Session

from ground import clock
from ground.refusal import Refusal
from payments import area, census, evidence, figure, lot, period, share, suppression
from payments.area import Area, Boundaries, Map
from payments.census import Census
from payments.evidence import Known
from payments.figure import DEFINITIONS_VERSION, Figure
from payments.lot import Lots
from payments.period import Period

Audience = Literal["public", "ward", "board", "internal"]
AUDIENCES = ("public", "ward", "board", "internal")
FROM_COUNTS = ("cashless_count", "count_share")
FROM_EVIDENCE = ("count_share", "value_share")
FROM_TAKINGS = (*FROM_COUNTS, "cashless_value", "value_share", "reconciled_share")


def onboarded(taken: Census, k: int) -> Figure:
    """Stalls with an approved merchant on their last trading day in p, of all that traded in p."""
    return figure.share("onboarded", taken.onboarded, taken.stalls, source="roll")


def acceptance(taken: Census, k: int) -> Figure:
    """Stalls with a live code on their last trading day in p, of all that traded in p."""
    return figure.share("acceptance", taken.accepting, taken.stalls, source="codes")


def verified_acceptance(taken: Census, k: int) -> Figure:
    """Inspected stalls whose code is genuine and live; there is nothing to say before an inspection."""
    return figure.missing("verified_acceptance", "figure.no_inspections", n=0, size=taken.stalls, method="drawn sample")


def active_use(taken: Census, k: int) -> Figure:
    """Stalls with at least k sales in p, of all that traded in p."""
    return figure.share("active_use", taken.in_use, taken.stalls, source="receipts", k=k)


def count_share(taken: Census, k: int) -> Figure:
    """Cashless purchases of all purchases: needs the purchases no bank sees."""
    return share.of_count(taken.known)


def value_share(taken: Census, k: int) -> Figure:
    """Cashless đồng of all đồng: needs the sales no bank sees."""
    return share.of_value(taken.known)


def cashless_value(taken: Census, k: int) -> Figure:
    """Net cashless sales in đồng."""
    return figure.level("cashless_value", taken.sales_value, connected=taken.connected, size=taken.stalls)


def cashless_count(taken: Census, k: int) -> Figure:
    """Number of cashless sales."""
    return figure.level("cashless_count", taken.sales_count, connected=taken.connected, size=taken.stalls)


def bill_share(taken: Census, k: int) -> Figure:
    """Market fees collected cashless, of all fees collected."""
    return figure.missing("bill_share", "figure.no_fees_known", n=0, size=taken.stalls)


def reconciled_share(taken: Census, k: int) -> Figure:
    """Gross sales confirmed by, or posted from, a statement's line, of all gross sales; nothing without sales."""
    if taken.gross == 0:
        return figure.missing(
            "reconciled_share", "figure.no_sales", n=taken.stalls, size=taken.stalls, sources=("receipts",)
        )
    found = figure.share("reconciled_share", taken.confirmed, taken.gross, source="receipts")
    reason = None if taken.confirmed else "figure.no_statement"
    coverage = 1.0 if taken.stalls else None
    return replace(found, n=taken.stalls, N=taken.stalls, coverage=coverage, reason=reason)


INDICATORS: tuple[Callable[[Census, int], Figure], ...] = (
    onboarded,
    acceptance,
    verified_acceptance,
    active_use,
    count_share,
    value_share,
    cashless_value,
    cashless_count,
    bill_share,
    reconciled_share,
)


class Rated(NamedTuple):
    area: Area
    figures: tuple[Figure, ...]


class Rates(NamedTuple):
    """Every figure of an area, and of its parts, in a period as of a moment."""

    period: Period
    boundaries: Boundaries
    audience: Audience
    as_of: datetime
    whole: Rated
    parts: tuple[Rated, ...]


def rates(
    session: Session,
    area_key: str,
    period_text: str,
    *,
    boundaries: Boundaries = "period",
    audience: Audience = "public",
    as_of: datetime | None = None,
) -> Rates:
    """All indicators of an area and its parts. Refuses an unknown area (404), an unknown period or one not begun."""
    if boundaries not in area.BOUNDARIES:
        raise Refusal("area.unknown_boundaries", boundaries=boundaries)
    if audience not in AUDIENCES:
        raise Refusal("figure.unknown_audience", audience=audience)
    moment = as_of or clock.now()
    asked = period.parse(period_text)
    last = asked.counted_until(moment)
    drawn = area.draw(session, asked.first, last, boundaries, clock.business_date(moment))
    whole, parts = area.find(area_key, asked, drawn)
    rated = _rate_all(session, [whole, *parts], drawn, audience)
    return Rates(asked, boundaries, audience, moment, rated[0], tuple(rated[1:]))


def rates_of_markets(session: Session, asked: Period, *, as_of: datetime) -> list[Rated]:
    """Every market's figures as the public may see them, in the order of their codes, read at once."""
    drawn = area.draw(session, asked.first, asked.counted_until(as_of), "period", clock.business_date(as_of))
    return _rate_all(session, area.markets(drawn), drawn, "public")


def _rate_all(session: Session, areas: Sequence[Area], drawn: Map, audience: Audience) -> list[Rated]:
    k = -(-((drawn.last - drawn.first).days + 1) // 7)  # ceil(days / 7): a stall in use sells cashless once a week
    lots = lot.share_out([each.spans for each in areas])
    counted = _count(session, lots, drawn, k)
    return [
        _rate(each, [counted[number] for number in numbers], k, audience)
        for each, numbers in zip(areas, lots.members, strict=True)
    ]


def _count(session: Session, lots: Lots, drawn: Map, k: int) -> list[Census]:
    """What is counted and known in each lot."""
    connection = session.connection()
    markets = {found.key: found for found in drawn.markets}
    told = evidence.read(connection, lots)
    counted = []
    for spans, taken, heard in zip(lots.lots, census.take(connection, lots, k), told, strict=True):
        market = markets[spans[0].market_id]
        known = Known(market.code, area.ward_of(market, drawn), taken.stalls, taken.connected, heard)
        counted.append(taken._replace(known=(known,)))
    return counted


def _rate(rated: Area, counted: Sequence[Census], k: int, audience: Audience) -> Rated:
    taken = census.pool(counted)
    figures = tuple(indicator(taken, k) for indicator in INDICATORS)
    hidden = () if audience == "internal" else _hidden(taken, figures)
    return Rated(rated, tuple(figure.hide(each) if each.indicator in hidden else each for each in figures))


def _hidden(taken: Census, figures: Sequence[Figure]) -> tuple[str, ...]:
    """The figures that may not be shown: each by its own cell, and counts wherever the value is hidden as well."""
    if suppression.is_suppressed(taken.takings):
        return FROM_TAKINGS
    shares = (each for each in figures if each.indicator in FROM_EVIDENCE)
    telling = tuple(each.indicator for each in shares if share.tells_too_much(each, taken.known))
    return (*telling, *FROM_COUNTS) if suppression.is_suppressed(taken.purchases) else telling


def shown(rated: Rates, language: str = "en") -> dict[str, Any]:
    """The document of CONTRACT.md, "Rates"."""
    return {
        "area": rated.whole.area.key,
        "name": rated.whole.area.name,
        "period": rated.period.text,
        "from": rated.period.first.isoformat(),
        "to": rated.period.last.isoformat(),
        "complete": rated.period.complete(rated.as_of),
        "boundaries": rated.boundaries,
        "audience": rated.audience,
        "definitions_version": DEFINITIONS_VERSION,
        "as_of": clock.stamp(rated.as_of),
        "revision": None,
        "figures": _figures(rated.whole, language),
        "parts": [{**_named(part.area), "figures": _figures(part, language)} for part in rated.parts],
    }


def _named(part: Area) -> dict[str, Any]:
    """A ward also by its own first day: over the reform one code may stand for two wards in turn."""
    named = {"area": part.key, "name": part.name}
    return {**named, "valid_from": part.since.isoformat()} if part.since else named


def _figures(rated: Rated, language: str) -> list[dict[str, Any]]:
    return [{**each.shown(), "reason": each.because(language)} for each in rated.figures]
