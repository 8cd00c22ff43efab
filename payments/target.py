"""A target: what an area wants one of its indicators to be in a period; a newer one takes the older one's place."""

import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Identity, Numeric, text
from sqlmodel import Field, Session, SQLModel, col, select

from ground import clock, money
from ground.database import Moment
from ground.refusal import Refusal
from payments import area, period
from payments.indicator import INDICATORS

LEVELS = ("cashless_value", "cashless_count")
NAMES = tuple(each.__name__ for each in INDICATORS)
UNSOURCED = ("bill_share",)
"""What nothing is brought in about yet: its figure can't be anything but insufficient."""
SETTABLE = tuple(name for name in NAMES if name not in UNSOURCED)
LEVEL_MAX = 10**13
PERCENT = Decimal("0.01")
_SHARE = re.compile(r"(?P<number>\d{1,4}([.,]\d{1,6})?)\s*(?P<percent>%?)", re.ASCII)


class Target(SQLModel, table=True):
    """`value` in the figure's own unit: 0.8 of a share, whole đồng or sales of a level; None: withdrawn."""

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    area: str
    indicator: str
    period: str
    value: Decimal | None = Field(default=None, sa_column=Column(Numeric(20, 6)))
    set_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    set_by: str

    @property
    def shown(self) -> float | int | None:
        """The value as JSON shows it."""
        if self.value is None:
            return None
        return int(self.value) if self.indicator in LEVELS else float(self.value)


class Put(NamedTuple):
    """What holds now and what held before; `is_new` is False when the same was said again and nothing was written."""

    target: Target
    before: Target | None
    is_new: bool


def check_indicator(indicator: str) -> None:
    """Refuses a name that no figure has."""
    if indicator not in NAMES:
        raise Refusal("target.unknown_indicator", indicator=indicator[:40], indicators=", ".join(NAMES))


def check_settable(indicator: str) -> None:
    """Refuses an unknown name, and one that there is no source for."""
    check_indicator(indicator)
    if indicator in UNSOURCED:
        raise Refusal("target.no_source", indicator=indicator)


def read(indicator: str, written: str) -> Decimal:
    """`0.8`, `0,8` or `80 %` of a share, `1.500.000` of a level. Refuses an unknown indicator, nothing and nonsense.

    Refuses a share above 1 as well: that is most likely a percentage without its sign.
    """
    check_settable(indicator)
    value = _read_level(written) if indicator in LEVELS else _read_share(written)
    if value <= 0:
        raise Refusal("target.nothing")
    return value


def _read_level(written: str) -> Decimal:
    try:
        number = money.read(written)
    except ValueError:
        raise Refusal("target.no_level", value=written[:40]) from None
    if number > LEVEL_MAX:
        raise Refusal("target.no_level", value=written[:40])
    return Decimal(number)


def _read_share(written: str) -> Decimal:
    match = _SHARE.fullmatch(written.strip())
    if match is None:
        raise Refusal("target.no_share", value=written[:40])
    share = Decimal(match["number"].replace(",", ".")) / (100 if match["percent"] else 1)
    if share > 1:
        raise Refusal("target.above_one", value=written.strip()[:40])
    if share != round(share, 6):
        raise Refusal("target.no_share", value=written[:40])
    return share


def put(
    session: Session, area_key: str, indicator: str, period_text: str, value: Decimal | None, *, by: str, at: datetime
) -> Put:
    """Set a target, or withdraw it (None); the caller commits. A period may lie ahead: that is what targets are for.

    Refuses an unknown area or period, an indicator without a source, and withdrawing what was not set.
    """
    asked = period.parse(period_text)
    check_settable(indicator)
    drawn = area.draw(session, asked.first, asked.last, "period", clock.business_date(at))
    area.find(area_key, asked, drawn)
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext(:key))"), {"key": f"target {area_key} {asked.text}"})
    before = next(iter(history(session, area_key, indicator, asked.text)), None)
    held = before.value if before else None
    if held is None and value is None:
        raise Refusal("target.not_set", area=area_key, indicator=indicator, period=asked.text, status=404)
    if before is not None and held == value:
        return Put(before, before, False)
    made = Target(area=area_key, indicator=indicator, period=asked.text, value=value, set_at=at, set_by=by)
    session.add(made)
    session.flush()
    return Put(made, before, True)


# What the audit calls setting one, and withdrawing one.
ACT = {False: "target.set", True: "target.withdraw"}


def outcome(put_: Put) -> str:
    """The key of the word that says what came of it."""
    if not put_.is_new:
        return "target.unchanged"
    return "target.saved" if put_.target.value is not None else "target.withdrawn"


def told(put_: Put) -> tuple[dict[str, str] | None, dict[str, str]]:
    """Before and after, as the audit tells them."""
    return _told(put_.before) if put_.before else None, _told(put_.target)


def _told(target: Target) -> dict[str, str]:
    value = "withdrawn" if target.shown is None else str(target.shown)
    return {"indicator": target.indicator, "period": target.period, "value": value}


def history(session: Session, area_key: str, indicator: str, period_text: str) -> list[Target]:
    """Every target there ever was for one figure, the latest first."""
    same = (Target.area == area_key, Target.indicator == indicator, Target.period == period_text)
    return list(session.exec(select(Target).where(*same).order_by(col(Target.id).desc())))


_CURRENT = text("""
    SELECT * FROM (
        SELECT DISTINCT ON (area, indicator) * FROM target WHERE period = :period ORDER BY area, indicator, id DESC
    ) AS latest WHERE value IS NOT NULL
""")


def current(session: Session, period_text: str) -> Sequence[Target]:
    """The targets of all areas that hold for a period: by area, in the order of the indicators."""
    rows = session.execute(select(Target).from_statement(_CURRENT.bindparams(period=period_text)))
    found = list(rows.scalars())
    return sorted(found, key=lambda each: (each.area, NAMES.index(each.indicator)))
