"""The scoreboard: how the targets of an area and the areas within it are met, counted as the quarterly meetings do."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from fractions import Fraction
from typing import Any, Literal, NamedTuple

from sqlmodel import Session

from ground import clock, words
from ground.refusal import Refusal
from merchants import place
from payments import area, period, revision, side_by_side, target
from payments.area import Area, Map
from payments.figure import Figure
from payments.indicator import Audience
from payments.period import Period
from payments.target import Target

Band = Literal["met", "near", "behind", "far"]
# docs/indicators.md, "Targets": from which attainment on.
BANDS: tuple[tuple[Band, Fraction], ...] = (
    ("met", Fraction(1)),
    ("near", Fraction(7, 10)),
    ("behind", Fraction(1, 2)),
)
APART = ("insufficient", "suppressed")


class Judged(NamedTuple):
    """A target with the figure it is about. Both None where there is nothing to judge by: in no band, counted apart."""

    target: Target
    area: Area
    figure: Figure
    attainment: Fraction | None
    band: Band | None


class Scoreboard(NamedTuple):
    area: Area
    period: Period
    audience: Audience
    as_of: datetime
    judged: tuple[Judged, ...]

    @property
    def bands(self) -> Counter[str]:
        return Counter(each.band for each in self.judged if each.band)

    @property
    def apart(self) -> Counter[str]:
        """The rest, by the status of the figure."""
        return Counter(each.figure.status for each in self.judged if each.band is None)


def read(
    session: Session,
    area_key: str,
    period_text: str,
    *,
    audience: Audience = "public",
    as_of: datetime | None = None,
) -> Scoreboard:
    """The targets of an area, its wards and its markets. Refuses an unknown area and a period not begun.

    A target is judged by what is published of its own area, sealed where that is sealed: so it is in one band, whoever
    looks. The bounds of an interval do not matter, only the value does.
    """
    moment = as_of or clock.now()
    asked = period.parse(period_text)
    drawn = area.draw(session, asked.first, asked.counted_until(moment), "period", clock.business_date(moment))
    whole, _ = area.find(area_key, asked, drawn)
    wanted = [each for each in target.current(session, asked.text) if _belongs(each.area, whole, asked, drawn)]
    found = _published(session, {each.area for each in wanted}, asked, audience, moment)
    judged = [judge(each, *found[each.area]) for each in wanted if each.area in found]
    return Scoreboard(whole, asked, audience, moment, tuple(sorted(judged, key=_order)))


def judge(wanted: Target, of: Area, figures: Mapping[str, Figure]) -> Judged:
    """One target, by the figure it is about."""
    figure = figures[wanted.indicator]
    assert wanted.value is not None, "a withdrawn target is none"
    if figure.value is None or figure.status in APART:
        return Judged(wanted, of, figure, None, None)
    attainment = _exact(figure) / Fraction(wanted.value)
    return Judged(wanted, of, figure, attainment, band(attainment))


def band(attainment: Fraction) -> Band:
    return next((name for name, least in BANDS if attainment >= least), "far")


def _exact(figure: Figure) -> Fraction:
    """The value as the quotient it is, so that 7 of 10 stalls meet 0.7 to the last digit."""
    assert figure.value is not None
    numerator, denominator = figure.numerator, figure.denominator
    if numerator is not None and denominator and numerator / denominator == figure.value:
        return Fraction(numerator, denominator)
    return Fraction(figure.value)


def _belongs(key: str, whole: Area, asked: Period, drawn: Map) -> bool:
    """Whether an area is this one or stands in it: a market on a day of the period, a ward by its unit then."""
    if key == whole.key:
        return True
    level, _, code = key.partition(":")
    if level == "market":
        within = {span.market_id for span in whole.spans}
        return any(found.code == code and found.key in within for found in drawn.markets)
    try:
        unit = place.unit_for_period(code, asked.first, asked.last) if level == "ward" else None
    except Refusal:
        return False
    return unit is not None and whole.key == f"province:{unit.province_code}"


Found = dict[str, tuple[Area, Mapping[str, Figure]]]


def _published(session: Session, keys: Iterable[str], asked: Period, audience: Audience, moment: datetime) -> Found:
    """The figures of each area: of its last sealed revision, else as of now."""
    found: Found = {}
    live = []
    for key in sorted(keys):
        sealed = revision.latest(session, key, asked.text)
        if sealed is None:
            live.append(key)
        else:
            rated = revision.read(sealed, audience).whole
            found[key] = rated.area, {each.indicator: each for each in rated.figures}
    for rated in side_by_side.areas(session, live, asked, audience=audience, as_of=moment) if live else ():
        found[rated.area.key] = rated.area, {each.indicator: each for each in rated.figures}
    return found


def _order(judged: Judged) -> tuple[int, str, int]:
    """The widest area first, then by code and indicator."""
    level = judged.area.key.partition(":")[0]
    levels = ("province", "ward", "market")
    return levels.index(level), judged.area.key, target.NAMES.index(judged.target.indicator)


def summary(board: Scoreboard, language: str) -> str:
    """`24 targets: 7 met, 9 near, 6 behind, 2 far`, and how many could not be judged."""
    counts = {name: board.bands[name] for name in ("met", "near", "behind", "far")}
    total = sum(counts.values())
    said = (
        words.say("scoreboard.summary_one", language, **counts)
        if total == 1
        else words.say("scoreboard.summary", language, total=total, **counts)
    )
    if not board.apart:
        return said
    apart = {name: board.apart[name] for name in APART}
    return f"{said} {words.say('scoreboard.apart', language, total=sum(apart.values()), **apart)}"


def shown(board: Scoreboard, language: str = "en") -> dict[str, Any]:
    """The document of `targets` and of `/api/v1/scoreboard`."""
    return {
        "area": board.area.key,
        "name": board.area.name,
        "period": board.period.text,
        "from": board.period.first.isoformat(),
        "to": board.period.last.isoformat(),
        "complete": board.period.complete(board.as_of),
        "audience": board.audience,
        "as_of": clock.stamp(board.as_of),
        "counts": _counts(board),
        "summary": summary(board, language),
        "targets": [_shown(each, language) for each in board.judged],
    }


def _counts(board: Scoreboard) -> dict[str, int]:
    """`total`: those in a band."""
    bands = {name: board.bands[name] for name in ("met", "near", "behind", "far")}
    return {"total": sum(bands.values()), **bands, **{name: board.apart[name] for name in APART}}


def _shown(judged: Judged, language: str) -> dict[str, Any]:
    figure = judged.figure
    return {
        "area": judged.area.key,
        "name": judged.area.name,
        "indicator": judged.target.indicator,
        "target": judged.target.shown,
        "value": figure.value,
        "low": figure.low,
        "high": figure.high,
        "n": figure.n,
        "N": figure.N,
        "coverage": figure.coverage,
        "status": figure.status,
        "reason": figure.because(language),
        "attainment": None if judged.attainment is None else float(judged.attainment),
        "band": judged.band,
        "set_at": clock.stamp(judged.target.set_at),
    }
