"""Disclosure: which takings may be shown, of any area and period, so that all that is shown together tells no more.

It follows from the facts alone and never from the question: the same bundles stand behind every page, export and API.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from sqlmodel import Session

from payments import area, binding, bundle, kept
from payments.area import Area, Map, Span
from payments.binding import DAY, Stretch, month_end
from payments.bundle import Bundle, Cell, Place
from payments.day_cell import MEASURES
from payments.kept import Kept
from payments.suppression import Strength, strength
from payments.takings import Takings


class Disclosure:
    """What is bound together, by measure and by market; every market-day up to `until` is in one bundle or none."""

    def __init__(self, until: date, bundles: Kept) -> None:
        self.until = until
        self._bundles = {measure: bundle.merge(bundles.get(measure, ())) for measure in MEASURES}
        self._at: dict[str, dict[int, list[Bundle]]] = {}
        for measure, found in self._bundles.items():
            at: dict[int, list[Bundle]] = self._at.setdefault(measure, defaultdict(list))
            for each in found:
                for market_id in {place[0] for place in each.places}:
                    at[market_id].append(each)

    def may_show(self, measure: str, spans: Iterable[Span]) -> bool:
        """Whether these days hold each bundle whole or not at all, and nothing of which not even the sum is shown."""
        return self._cut(measure, list(spans)) is None

    def latest(self, measures: Sequence[str], spans: Sequence[Span]) -> date | None:
        """The latest day up to which all these measures may be shown of these days; None if there is none."""
        last = self.until
        while left := clip(spans, last):
            cuts = [cut for measure in measures if (cut := self._cut(measure, left)) is not None]
            if not cuts:
                return last
            last = min(cuts) - DAY
        return None

    def kept(self, spans: Iterable[Span]) -> dict[str, list[Bundle]]:
        """The bundles that these days touch: what a later revision has to keep together."""
        touched = list(spans)
        return {
            measure: [each for each in found if any(_within(each.places, touched))]
            for measure, found in self._bundles.items()
        }

    def _cut(self, measure: str, spans: Sequence[Span]) -> date | None:
        """The first day of a bundle that these days hold a part of; of one that may not be shown, any day."""
        days: list[date] = []
        for each in {id(each): each for span in spans for each in self._at[measure].get(span.market_id, ())}.values():
            within = list(_within(each.places, spans))
            if within and not (each.known and len(within) == len(each.places)):
                days.append(min(within))
        return min(days, default=None)


def draw(session: Session, areas: Iterable[Area], until: date, today: date) -> Disclosure:
    """What may be shown of these areas' days up to `until`, the last day that is over.

    What sealed revisions kept together stays together.
    """
    spans = [span for each in areas for span in each.spans if span.first <= until]
    bundles: dict[str, list[Bundle]] = {measure: [] for measure in MEASURES}
    if spans:
        takings = Takings(session.connection(), until)
        months = _months(spans, until)
        kept_together = kept.bundles(session, *months)
        groups = _groups(session, spans, until, today)
        takings.read((each.market_id, each.month) for group in groups for each in group)
        for measure in MEASURES:
            bound = binding.bind(measure, groups, takings, until)
            bundles[measure] = bundle.merge([*kept_together.get(measure, ()), *bound])
        if any(each.known and len(each.places) > 1 for found in bundles.values() for each in found):
            for measure, sealed in kept.shown(session, *months).items():
                bundles[measure] = [guard(each, sealed, measure, takings) for each in bundles[measure]]
    return Disclosure(until, bundles)


def guard(bound: Bundle, sealed: kept.Shown, measure: str, takings: binding.Known) -> Bundle:
    """Hide a bundle's sum where, less what seals have shown of it, it would tell what a few stalls took."""
    if not bound.known:
        return bound
    alike: dict[frozenset[int], set[Place]] = defaultdict(set)  # market-days by the shown areas that hold them
    for place in bound.places:
        holding = sealed.get(place[0], ())
        alike[frozenset(area_ for area_, first, last in holding if first <= place[1] <= last)].add(place)
    # Less one area that was shown, and less all of them that do not hold a market-day.
    areas = frozenset[int]().union(*alike)
    rests = {Cell().union(*(alike[each] for each in alike if area_ not in each)) for area_ in areas}
    rests |= {Cell().union(*(alike[each] for each in alike if each <= one)) for one in alike}
    for rest in rests - {Cell(), bound.places}:
        takings.read((market_id, day.replace(day=1)) for market_id, day in rest)
        if strength(takings.pool(measure, rest)) is not Strength.FIRM:
            return Bundle(bound.places, False)
    return bound


def _groups(session: Session, spans: Sequence[Span], until: date, today: date) -> list[list[Stretch]]:
    """All stretches of the months and provinces that these days touch, by month and province.

    Units are those of the time, whichever boundaries were asked for: two answers can't be played against each other.
    """
    first, last = _months(spans, until)
    asked = {span.market_id for span in spans}
    groups: dict[tuple[date, str], list[Stretch]] = defaultdict(list)
    for stretch in _stretches(area.draw(session, first, last, "period", today)):
        groups[stretch.month, stretch.province].append(stretch)
    return [group for group in groups.values() if any(each.market_id in asked for each in group)]


def _months(spans: Sequence[Span], until: date) -> tuple[date, date]:
    """The days of all months that these days touch, as far as they are over."""
    last = max(min(span.last, until) for span in spans)
    return min(span.first for span in spans).replace(day=1), min(month_end(last.replace(day=1)), until)


def _stretches(drawn: Map) -> Iterator[Stretch]:
    for found in drawn.markets:
        for stay in drawn.stays[found.key]:
            day, last = max(stay.since, found.since, drawn.first), min(stay.until - DAY, drawn.last)
            while day <= last:
                end = min(month_end(day.replace(day=1)), last)
                yield Stretch(found.key, day, end, stay.ward, stay.province_code)
                day = end + DAY


def clip(spans: Iterable[Span], last: date) -> tuple[Span, ...]:
    """The same days as far as they are not after `last`."""
    return tuple(span._replace(last=min(span.last, last)) for span in spans if span.first <= last)


def _within(places: Cell, spans: Sequence[Span]) -> Iterator[date]:
    return (
        day
        for market_id, day in places
        if any(span.market_id == market_id and span.first <= day <= span.last for span in spans)
    )
