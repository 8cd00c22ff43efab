"""SePay's transactions of some days, gathered from as many pages as it takes, and complete or refused.

Its documentation leaves open in which order rows come ("the 5,000 most recent" when nothing is asked) and whether a
bare day as transaction_date_max counts whole. So nothing here relies on either: a day more than wanted is asked for
and cut off, a page is only complete when nothing follows its highest id, and days that fill a page are halved, a
single day into hours, minutes and seconds.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from ground.refusal import Refusal
from payments.providers import sepay_api
from payments.providers.sepay_api import Row, SepayApi, day_of

MOST_DAYS = 31
MOST_HELD = 50_000  # rows of several days; then they are halved
_DAY = timedelta(days=1)
_LAST_SECOND = time(23, 59, 59)

Known = dict[int, Row]


class Stretch(NamedTuple):
    """All that SePay has of the days from `first` to `last`, in no particular order."""

    first: date
    last: date
    rows: list[Row]


def walk(api: SepayApi, first: date, last: date) -> Iterator[Stretch]:
    """The days from `first` to `last`, as many at a time as fit into a page."""
    days = MOST_DAYS
    while first <= last:
        until = min(last, first + (days - 1) * _DAY)
        rows = _gather(api, first, until)
        if rows is None:
            days = ((until - first).days + 1) // 2
            continue
        yield Stretch(first, until, rows)
        first, days = until + _DAY, min(MOST_DAYS, 2 * days)


def late_days(api: SepayApi, after: int, before: date) -> tuple[int, list[date]]:
    """The highest id, and the days before `before` of which SePay has learnt something since the row `after`."""
    within = {"transaction_date_max": before.isoformat()}
    known: Known = {}
    _add(known, api.ask(since_id=after + 1, **within))
    _go_on(api, known, within, MOST_HELD)
    late = {key: day_of(row) for key, row in known.items() if key > after and day_of(row) < before}
    return max(late, default=after), sorted(set(late.values()))


def _gather(api: SepayApi, first: date, last: date) -> list[Row] | None:
    """None where the days are too many for a page."""
    within = {"transaction_date_min": first.isoformat(), "transaction_date_max": (last + _DAY).isoformat()}
    alone = first == last
    known: Known = {}
    page = api.ask(**within)
    _add(known, page)
    full = len(page) >= sepay_api.LIMIT
    if full and not alone:
        return None
    went_on = _go_on(api, known, within, None if alone else MOST_HELD)
    if len(known) > MOST_HELD and not alone:
        return None
    if full and not went_on:
        _halve(api, known, datetime.combine(first, time.min), datetime.combine(first, _LAST_SECOND))
    return [row for row in known.values() if first <= day_of(row) <= last]


def _go_on(api: SepayApi, known: Known, within: Mapping[str, str], most: int | None) -> bool:
    """Ask for what follows the highest id until nothing does; whether anything did."""
    went_on = False
    while known and _add(known, api.ask(since_id=max(known), **within)):
        went_on = True
        if most is not None and len(known) > most:
            break
    return went_on


def _halve(api: SepayApi, known: Known, begin: datetime, end: datetime) -> None:
    """What happened from `begin` to `end` of a day, in as many questions as it takes."""
    page = api.ask(transaction_date_min=f"{begin}", transaction_date_max=f"{end}")
    _add(known, page)
    if len(page) < sepay_api.LIMIT:
        return
    if begin == end:
        raise Refusal("fetch.too_many", moment=f"{begin}")
    middle = begin + timedelta(seconds=(end - begin).seconds // 2)
    _halve(api, known, begin, middle)
    _halve(api, known, middle + timedelta(seconds=1), end)


def _add(known: Known, page: list[Row]) -> bool:
    """Whether the page brought anything new."""
    before = len(known)
    known.update((int(row["id"]), row) for row in page)
    return len(known) > before
