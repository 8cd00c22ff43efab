"""The indicators of an area and period: one function each, and the whole answer, as docs/commands.md has it."""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Literal, NamedTuple

from sqlmodel import Session

from ground import clock
from ground.refusal import Refusal
from payments import area, census, counted, disclosure, figure, kept, lot, period, share, suppression
from payments.area import Area, Boundaries, Map, Place, Span
from payments.binding import DAY
from payments.census import Census
from payments.disclosure import Disclosure
from payments.evidence import Known
from payments.figure import DEFINITIONS_VERSION, Figure, Remark
from payments.period import Period

Audience = Literal["public", "ward", "board", "internal"]
AUDIENCES = ("public", "ward", "board", "internal")
FROM_COUNTS = ("cashless_count", "count_share")
FROM_EVIDENCE = ("count_share", "value_share")
FROM_TAKINGS = (*FROM_COUNTS, "cashless_value", "value_share", "reconciled_share")
LEVELS = ("value", "count")
# What each figure tells of, besides the value.
TELLS = {
    "cashless_count": {"count"},
    "count_share": {"count", "purchases"},
    "value_share": {"sales"},
    "reconciled_share": {"gross", "confirmed"},
}


def onboarded(taken: Census, k: int) -> Figure:
    """Stalls with an approved merchant on their last trading day in p, of all that traded in p."""
    return figure.share("onboarded", taken.onboarded, taken.stalls, source="roll")


def acceptance(taken: Census, k: int) -> Figure:
    """Stalls with a live code on their last trading day in p, of all that traded in p."""
    return figure.share("acceptance", taken.accepting, taken.stalls, source="codes")


def verified_acceptance(taken: Census, k: int) -> Figure:
    """Inspected stalls of drawn samples whose code is genuine and live, of all that were inspected."""
    return share.of_inspections(taken.known)


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
    """`until`: the last day whose takings are counted."""

    area: Area
    figures: tuple[Figure, ...]
    until: date


class Rates(NamedTuple):
    """Every figure of an area, and of its parts, in a period as of a moment.

    `disclosure`: what may be shown of takings, for a later revision to keep to; None where nothing is hidden.
    `revision`: which seal's figures they are, and `sha256` that seal's digest; None where they are as of now.
    """

    period: Period
    boundaries: Boundaries
    audience: Audience
    as_of: datetime
    whole: Rated
    parts: tuple[Rated, ...]
    disclosure: Disclosure | None = None
    revision: int | None = None
    sha256: str | None = None
    definitions_version: int = DEFINITIONS_VERSION


def rates(
    session: Session,
    area_key: str,
    period_text: str,
    *,
    boundaries: Boundaries = "period",
    audience: Audience = "public",
    as_of: datetime | None = None,
) -> Rates:
    """All indicators of an area and its parts. Refuses an unknown area (404), an unknown period or one not begun.

    What sealed revisions hid stays hidden.
    """
    if audience not in AUDIENCES:
        raise Refusal("figure.unknown_audience", audience=audience)
    moment = as_of or clock.now()
    asked = period.parse(period_text)
    last = asked.counted_until(moment)
    today = clock.business_date(moment)
    drawn = area.draw(session, asked.first, last, boundaries, today)
    whole, parts = area.find(area_key, asked, drawn)
    areas = [whole, *parts]
    disclosed = None if audience == "internal" else disclosure.draw(session, areas, today - DAY, today)
    rated = rate_all(session, areas, asked, drawn, disclosed)
    return Rates(asked, boundaries, audience, moment, rated[0], tuple(rated[1:]), disclosed)


def rates_of_markets(session: Session, asked: Period, *, as_of: datetime) -> list[Rated]:
    """Every market's figures as the public may see them, in the order of their codes, read at once."""
    today = clock.business_date(as_of)
    drawn = area.draw(session, asked.first, asked.counted_until(as_of), "period", today)
    markets = area.markets(drawn)
    return rate_all(session, markets, asked, drawn, disclosure.draw(session, markets, today - DAY, today))


def rate_all(
    session: Session, areas: Sequence[Area], asked: Period, drawn: Map, disclosed: Disclosure | None
) -> list[Rated]:
    ends = [_end(each, drawn, disclosed) for each in areas]
    where, k = area.places(drawn), _k((drawn.last - drawn.first).days + 1)
    told = _count(session, [disclosure.clip(each.spans, end) for each, end in zip(areas, ends, strict=True)], where, k)
    # What stalls do is told of every day, what they took only of days that are over.
    seen = told if all(end == drawn.last for end in ends) else _count(session, [a.spans for a in areas], where, k)
    rated = [_rate(*each, k, drawn, disclosed) for each in zip(areas, ends, told, seen, strict=True)]
    cells = kept.cells(session, asked.text) if disclosed is not None else frozenset()
    return [_keep_hidden(each, cells) for each in rated] if cells else rated


def _keep_hidden(rated: Rated, cells: Set[str]) -> Rated:
    """A figure that a seal of the period hid stays hidden."""
    return rated._replace(
        figures=tuple(
            figure.hide(each) if kept.cell(rated.area, each.indicator) in cells else each for each in rated.figures
        )
    )


def _end(rated: Area, drawn: Map, disclosed: Disclosure | None) -> date:
    """The last day whose takings count. Of a period to date that is the latest with which they may be shown."""
    if disclosed is None or drawn.last <= disclosed.until:
        return drawn.last
    return disclosed.latest(LEVELS, rated.spans) or disclosed.until


def _count(session: Session, areas: Sequence[Sequence[Span]], places: Mapping[int, Place], k: int) -> list[Census]:
    """What is counted and known in each area, market by market."""
    lots = lot.share_out(areas)
    found = []
    for spans, (taken, heard) in zip(lots.lots, counted.count(session.connection(), lots, k), strict=True):
        known = Known(*places[spans[0].market_id], taken.stalls, taken.connected, heard)
        found.append(taken._replace(known=(known,)))
    return [census.pool(found[number] for number in numbers) for numbers in lots.members]


def _k(days: int) -> int:
    """ceil(days / 7): a stall in use sells cashless once a week."""
    return -(-days // 7)


def _rate(
    rated: Area, end: date, told: Census, seen: Census, k: int, drawn: Map, disclosed: Disclosure | None
) -> Rated:
    """`told`: the census of the days up to `end`, for the takings. `seen`: of all days."""
    begun = drawn.first <= end
    taken = told if begun else seen
    figures = tuple(each(taken if each.__name__ in FROM_TAKINGS else seen, k) for each in INDICATORS)
    if disclosed is None:
        return Rated(rated, figures, end)
    reason = "figure.suppressed" if begun else "figure.day_not_over"
    hidden = _hidden(disclosure.clip(rated.spans, end), taken, figures, disclosed) if begun else FROM_TAKINGS
    shown = (figure.hide(each, reason) if each.indicator in hidden else each for each in figures)
    until = min(disclosed.until, drawn.last) if "cashless_value" in hidden else end
    return Rated(rated, tuple(_date(each, end) if end < drawn.last else each for each in shown), until)


def _hidden(spans: Sequence[Span], taken: Census, figures: Sequence[Figure], disclosed: Disclosure) -> tuple[str, ...]:
    """The figures that may not be shown: each by its own cells, and all of them wherever the value is hidden."""
    if suppression.is_suppressed(taken.takings) or not disclosed.may_show("value", spans):
        return FROM_TAKINGS
    shares = (each for each in figures if each.indicator in FROM_EVIDENCE)
    sellers = {"value_share": taken.takings.stalls, "count_share": taken.purchases.stalls}
    telling = [
        each.indicator
        for each in shares
        if share.tells_too_much(each, taken.known) or share.leaves_too_few(each, taken.known, sellers[each.indicator])
    ]
    counts = FROM_COUNTS if suppression.is_suppressed(taken.purchases) else ()
    cut = [name for name, measures in TELLS.items() if not all(disclosed.may_show(each, spans) for each in measures)]
    return (*telling, *counts, *cut)


def _date(shown: Figure, end: date) -> Figure:
    """Takings are told up to a day that is over."""
    if shown.indicator not in FROM_TAKINGS or shown.value is None:
        return shown
    return replace(shown, remarks=(*shown.remarks, Remark("figure.counted_until", {"day": end})))


def shown(rated: Rates, language: str = "en") -> dict[str, Any]:
    """The document of docs/commands.md, "Rates"."""
    return {
        "area": rated.whole.area.key,
        "name": rated.whole.area.name,
        "period": rated.period.text,
        "from": rated.period.first.isoformat(),
        "to": rated.period.last.isoformat(),
        "complete": rated.period.complete(rated.as_of),
        "boundaries": rated.boundaries,
        "audience": rated.audience,
        "definitions_version": rated.definitions_version,
        "as_of": clock.stamp(rated.as_of),
        "revision": rated.revision,
        "sha256": rated.sha256,
        "takings_until": rated.whole.until.isoformat(),
        "figures": _figures(rated.whole, language),
        "parts": [_part(part, language) for part in rated.parts],
    }


def _part(part: Rated, language: str) -> dict[str, Any]:
    """A ward also by its own first day: over the reform one code may stand for two wards in turn."""
    since = {"valid_from": part.area.since.isoformat()} if part.area.since else {}
    told = {"takings_until": part.until.isoformat(), "figures": _figures(part, language)}
    return {"area": part.area.key, "name": part.area.name, **since, **told}


def _figures(rated: Rated, language: str) -> list[dict[str, Any]]:
    return [{**each.shown(), "reason": each.because(language)} for each in rated.figures]
