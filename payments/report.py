"""The report of an area and period: the one content that workbook, letter and print are written from."""

import hashlib
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import rfc8785
from sqlmodel import Session

from ground import clock, words
from merchants import market, place, ward
from payments import figure_words, period_name, published, published_day
from payments.area import Boundaries
from payments.figure_words import Told
from payments.indicator import Audience, Rated, Rates
from payments.published_day import Day


class Part(NamedTuple):
    """The area itself, one of a ward's markets or of a province's wards."""

    key: str
    name: str
    told: tuple[Told, ...]

    def of(self, indicator: str) -> Told:
        return next(each for each in self.told if each.indicator == indicator)


class MarketDays(NamedTuple):
    """The days of a market that were published, in order; those too telling without their takings."""

    name: str
    days: tuple[Day, ...]


class Report(NamedTuple):
    """`ward` and `province`: where a market stands (a ward lies) at the period's end, where that is known.

    fingerprint: SHA-256 of the figures, whoever prints them and whenever: papers that bear the same one say the same.
    """

    rates: Rates
    language: str
    level: str
    whole: Part
    parts: tuple[Part, ...]
    days: tuple[MarketDays, ...]
    ward: str | None
    province: str | None
    period_name: str
    fingerprint: str
    made_up: bool
    made_at: datetime

    @property
    def until(self) -> date:
        return self.rates.period.counted_until(self.rates.as_of)

    @property
    def complete(self) -> bool:
        return self.rates.period.complete(self.rates.as_of)

    @property
    def made_locally(self) -> datetime:
        """By the clock at the market."""
        return self.made_at.astimezone(clock.ZONE)

    def say(self, key: str, /, **params: object) -> str:
        return words.say(key, self.language, **params)

    def file_name(self, ending: str) -> str:
        """`cashless_ward-26506_2026-Q3.pdf`: letters that every system takes."""
        return f"cashless_{self.whole.key.replace(':', '-')}_{self.rates.period.text}.{ending}"


def gather(
    session: Session,
    area_key: str,
    period_text: str,
    *,
    boundaries: Boundaries = "period",
    audience: Audience = "public",
    language: str = "vi",
    moment: datetime | None = None,
) -> Report:
    """The published figures, in words and as they are. Refuses what `published.rates` refuses."""
    now = moment or clock.now()
    rates = published.rates(session, area_key, period_text, boundaries=boundaries, audience=audience, as_of=now)
    names = {found.key: found for found in market.every(session)}
    ids = dict.fromkeys(span.market_id for span in rates.whole.area.spans)
    level = area_key.partition(":")[0]
    ward_name, province_name = _lies(session, rates, level, list(ids), clock.business_date(now))
    return Report(
        rates,
        language,
        level,
        _part(rates.whole, language),
        tuple(_part(each, language) for each in rates.parts),
        _days(session, rates, {key: names[key].name for key in ids}, clock.business_date(now)),
        ward_name,
        province_name,
        period_name.name(rates.period, language),
        fingerprint(rates),
        any(names[key].made_up for key in ids),
        now,
    )


def fingerprint(rates: Rates) -> str:
    """SHA-256 over the canonical JSON (RFC 8785) of what the API tells of the figures, but for the reasons' words."""
    told: dict[str, Any] = {
        "area": rates.whole.area.key,
        "boundaries": rates.boundaries,
        "definitions_version": rates.definitions_version,
        "figures": _figures(rates.whole),
        "parts": [{"area": part.area.key, "figures": _figures(part)} for part in rates.parts],
        "period": rates.period.text,
    }
    return hashlib.sha256(rfc8785.dumps(told)).hexdigest()


def _figures(rated: Rated) -> list[dict[str, Any]]:
    told = [figure.shown() for figure in rated.figures]
    return [{name: value for name, value in figure.items() if name != "reason"} for figure in told]


def _part(rated: Rated, language: str) -> Part:
    told = tuple(figure_words.tell(figure, language) for figure in rated.figures)
    return Part(rated.area.key, rated.area.name, told)


def _days(session: Session, rates: Rates, names: dict[int, str], today: date) -> tuple[MarketDays, ...]:
    """Market by market in the order of the area's markets. Where it is sealed, the days are as of now all the same."""
    read = published_day.read_spans(session, rates.whole.area.spans, today)
    return tuple(MarketDays(name, tuple(read[key])) for key, name in names.items() if read.get(key))


def _lies(session: Session, rates: Rates, level: str, ids: Iterable[int], today: date) -> tuple[str | None, str | None]:
    """The ward and the province of the area on the last day that counts; of a province nothing."""
    code = rates.whole.area.key.partition(":")[2]
    last = rates.period.counted_until(rates.as_of)
    if level == "ward":
        current = today if rates.boundaries == "current" else None
        unit = place.unit_for_period(code, rates.period.first, last, current)
        return None, unit.province_name
    stays = [place.stays(market.moves(session)[each], last + timedelta(days=1)) for each in ids]
    if level == "province" or not stays or not stays[0]:
        return None, None
    stay = stays[0][-1]
    if stay.ward is None:
        return None, ward.province_name(stay.province_code, last)
    return stay.ward.name, stay.ward.province_name
