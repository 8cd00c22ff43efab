"""Time: aware UTC everywhere, and the one place that knows whose midnight ends a business day."""

import re
from datetime import UTC, date, datetime, time, timedelta, timezone

# Việt Nam has kept UTC+7 without daylight saving since 1975; a fixed offset is exact for every date we hold.
ZONE = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")
_STAMP = re.compile(r"(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d)(?::(\d\d))?", re.ASCII)


def now() -> datetime:
    return datetime.now(UTC)


def today() -> date:
    return business_date(now())


def business_date(moment: datetime) -> date:
    """The day at the market: 17:30 UTC belongs to the next one."""
    assert moment.tzinfo is not None, "naive time"
    return moment.astimezone(ZONE).date()


def day_start(day: date) -> datetime:
    """The first moment of a business day, in UTC."""
    return datetime.combine(day, time(), ZONE).astimezone(UTC)


def read_local(text: str) -> datetime:
    """A provider's zone-less `YYYY-MM-DD HH:MM[:SS]`, which is Asia/Ho_Chi_Minh; ValueError otherwise."""
    match = _STAMP.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a date and time: {text[:40]!r}")
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=ZONE).astimezone(UTC)
    except OverflowError as error:  # the first hours of the year 1
        raise ValueError(f"not a date and time: {text[:40]!r}") from error


def stamp(moment: datetime) -> str:
    """ISO 8601 with Z, as JSON shows a moment."""
    text = moment.astimezone(UTC).isoformat(timespec="seconds" if not moment.microsecond else "milliseconds")
    return text.replace("+00:00", "Z")


def stamp_exact(moment: datetime) -> str:
    """ISO 8601 with Z to the microsecond, as the store keeps it: for what is hashed."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
