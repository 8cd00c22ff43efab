"""What is published of an area and period: the last sealed revision where there is one, else the figures as of now."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session

from ground.refusal import Refusal
from payments import indicator, revision, sealed_figure
from payments.area import Boundaries
from payments.figure import Figure, Status
from payments.indicator import AUDIENCES, Audience, Rated, Rates
from payments.period import Period
from payments.revision import Seal


class Moved(NamedTuple):
    """An indicator that is not what it was; None where it was, or is, not shown. `why`: `restatement.REASONS`,
    empty where nobody has sealed it yet. `statuses`: the one before and the present one, where they differ."""

    indicator: str
    was: float | int | None
    now: float | int | None
    why: tuple[str, ...] = ()
    statuses: tuple[Status, Status] | None = None

    @property
    def has_value_moved(self) -> bool:
        return self.was != self.now


class LastChange(NamedTuple):
    """The last revision against the one before, as everybody may see it.

    `due`: what has moved since; with any, a new revision is due.
    """

    revision: int
    sealed_at: datetime
    sha256: str
    moved: tuple[Moved, ...]
    due: tuple[Moved, ...]


def rates(
    session: Session,
    area_key: str,
    period_text: str,
    *,
    boundaries: Boundaries = "period",
    audience: Audience = "public",
    live: bool = False,
    as_of: datetime | None = None,
) -> Rates:
    """The sealed figures with their revision, or those as of now if nothing was sealed or `live` is wanted.

    Only units of the time are sealed. Refuses what `indicator.rates` refuses.
    """
    sealed = None if live or boundaries != "period" else revision.latest(session, area_key, period_text)
    if sealed is None:
        return indicator.rates(session, area_key, period_text, boundaries=boundaries, audience=audience, as_of=as_of)
    if audience not in AUDIENCES:
        raise Refusal("figure.unknown_audience", audience=audience)
    return revision.read(sealed, audience)


def rates_of_markets(session: Session, asked: Period, *, as_of: datetime) -> list[Rated]:
    """Every market's figures as the public may see them: sealed ones where the market's own period is sealed."""
    sealed = {each.area: each for each in revision.latest_of_markets(session, asked.text)}
    live = indicator.rates_of_markets(session, asked, as_of=as_of)
    return [revision.read(sealed[each.area.key], "public").whole if each.area.key in sealed else each for each in live]


def last_change(
    session: Session, area_key: str, period_text: str, *, as_of: datetime | None = None
) -> LastChange | None:
    """What changed with the last seal and why, and what has moved since; None when nothing was sealed."""
    sealed = revision.latest(session, area_key, period_text)
    if sealed is None:
        return None
    shown = revision.read(sealed, "public")
    now = indicator.rates(session, area_key, period_text, as_of=as_of)
    statuses = _statuses(session, sealed, shown)
    moved = (
        Moved(
            each["indicator"],
            each["shown"]["was"],
            each["shown"]["is"],
            tuple(each["why"]),
            statuses.get(each["indicator"]),
        )
        for each in revision.changes(sealed)
    )
    due = tuple(
        Moved(was.indicator, was.value, is_.value)
        for was, is_ in sealed_figure.pairs(shown.whole, now.whole)
        if _has_moved(was, is_)
    )
    return LastChange(sealed.revision, sealed.sealed_at, sealed.digest.hex(), _told(moved), due)


def _told(moved: Iterable[Moved]) -> tuple[Moved, ...]:
    """What everybody can see of the changes: in the value, or in what it is called."""
    return tuple(each for each in moved if each.has_value_moved or each.statuses)


def _statuses(session: Session, sealed: Seal, shown: Rates) -> dict[str, tuple[Status, Status]]:
    """By indicator, where the revision before said another status."""
    before = revision.before(session, sealed)
    if before is None:
        return {}
    found = sealed_figure.pairs(revision.read(before, "public").whole, shown.whole)
    return {now.indicator: (was.status, now.status) for was, now in found if was.status != now.status}


def _has_moved(was: Figure, now: Figure) -> bool:
    return "value" in sealed_figure.differing(was, now)
