"""The revenue book S1a-HKD of one household at one stall for a month: what came in cashless and in cash, day by day.

Circular 152/2025/TT-BTC, form S1a-HKD, for households below the taxable revenue: date, description, amount.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlmodel import Session

from ground import clock, words
from ground.refusal import Refusal
from payments import period
from payments.period import Period

KINDS = ("cashless", "refund", "cash")
"""In the order in which they stand within a day."""


class Line(NamedTuple):
    """amount: whole đồng, negative where money was given back. times: how many payments, where that is known."""

    day: date
    kind: str
    amount: int
    times: int | None = None

    @property
    def description(self) -> str:
        counted = "" if self.times is None else "_counted"
        return words.say(f"revenue_book.{self.kind}{counted}", count=self.times)


class Book(NamedTuple):
    """`until` is the last day that is in it: before `period.last` while the month still runs."""

    household: str
    stall: str
    market_code: str
    market: str
    place: str
    period: Period
    until: date
    lines: tuple[Line, ...]
    made_at: datetime
    address: str | None = None
    tax_code: str | None = None

    @property
    def total(self) -> int:
        return sum(line.amount for line in self.lines)

    def file_name(self, ending: str) -> str:
        """Letters every system takes, so that a stall may be called `12/3`."""
        stall = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in self.stall)
        return f"S1a-HKD_{self.market_code}_{stall}_{self.period.text}.{ending}"


_WHOSE = text("""
    SELECT t.name AS household, s.number AS stall, m.id AS market_id, m.code, m.name AS market
    FROM stall s JOIN market m ON m.id = s.market_id JOIN merchant t ON t.id = :merchant
    WHERE s.id = :stall AND EXISTS (SELECT 1 FROM stall_state held WHERE held.stall_id = s.id
        AND held.merchant_id = t.id AND held.superseded_at IS NULL)
""")
# Only the days on which the stall was this household's: what another one took there is not hers to see.
_HELD = """
    EXISTS (SELECT 1 FROM stall_state held WHERE held.stall_id = :stall AND held.merchant_id = :merchant
        AND held.superseded_at IS NULL AND held.since <= d.business_date
        AND (held.until IS NULL OR d.business_date < held.until))
"""
_CASHLESS = text(f"""
    SELECT business_date, sales_value + refunds_value AS gross, sales_count, refunds_value FROM stall_day d
    WHERE market_id = :market AND business_date BETWEEN :first AND :last AND stall_id = :stall AND {_HELD}
    ORDER BY business_date
""")
_REPORTED = text(f"""
    SELECT DISTINCT ON (business_date) business_date, source, amount, count FROM (
        SELECT DISTINCT ON (business_date, source) business_date, source, amount, count FROM cash_report d
        WHERE market_id = :market AND business_date BETWEEN :first AND :last AND stall_id = :stall AND {_HELD}
        ORDER BY business_date, source, id DESC) AS latest
    ORDER BY business_date, source = 'booked' DESC
""")


def open_book(
    session: Session,
    stall_id: int,
    merchant_id: int,
    month: str,
    *,
    moment: datetime,
    place: str = "",
    address: str | None = None,
    tax_code: str | None = None,
) -> Book:
    """The book of the household's days at this stall in a month (`2026-10`), as far as it has come.

    Refuses a household that never held the stall (404), what is no month, and one not begun.
    """
    asked = period.parse(month)
    if not 28 <= asked.days <= 31:
        raise Refusal("revenue_book.no_month", month=month[:20])
    until = asked.counted_until(moment)
    whose = session.execute(_WHOSE, {"stall": stall_id, "merchant": merchant_id}).one_or_none()
    if whose is None:
        raise Refusal("revenue_book.not_hers", status=404)
    days = {"market": whose.market_id, "first": asked.first, "last": until}
    lines = _lines(session, {**days, "stall": stall_id, "merchant": merchant_id})
    return Book(
        whose.household,
        whose.stall,
        whose.code,
        whose.market,
        place,
        asked,
        until,
        tuple(lines),
        moment,
        address,
        tax_code,
    )


def _lines(session: Session, asked: dict[str, object]) -> Sequence[Line]:
    lines: list[Line] = []
    net: dict[date, int] = {}
    for day, gross, count, refunds in session.execute(_CASHLESS, asked):
        net[day] = gross - refunds
        if gross:
            lines.append(Line(day, "cashless", gross, count))
        if refunds:
            lines.append(Line(day, "refund", -refunds))
    for day, source, amount, count in session.execute(_REPORTED, asked):
        # What was booked is the whole day's; what she declared is the cash alone.
        cash = amount - net.get(day, 0) if source == "booked" else amount
        if cash > 0:
            lines.append(Line(day, "cash", cash, count if source == "declared" else None))
    return sorted(lines, key=lambda line: (line.day, KINDS.index(line.kind)))


def heading(book: Book) -> dict[str, str]:
    """The form's words above and below its table, in Vietnamese: the form is the law's, and so are they."""
    first, last = book.period.first, book.period.last
    whole = "" if book.until == last else words.say("revenue_book.to_date", day=f"{book.until:%d/%m/%Y}")
    said = {"household": book.household, "address": book.address or DOTS, "tax_code": book.tax_code or DOTS}
    stands = ", ".join(filter(None, [words.say("revenue_book.stall", stall=book.stall), book.market, book.place]))
    told = {name: words.say(f"revenue_book.head.{name}", value=value) for name, value in said.items()}
    return told | {
        "form": words.say("revenue_book.form"),
        "basis": words.say("revenue_book.basis"),
        "title": words.say("revenue_book.title"),
        "place": words.say("revenue_book.head.place", value=stands),
        "period": words.say("revenue_book.head.period", month=first.month, year=first.year) + whole,
        "unit": words.say("revenue_book.unit"),
        "signed_on": words.say("revenue_book.signed_on"),
        "signer": words.say("revenue_book.signer"),
        "sign_here": words.say("revenue_book.sign_here"),
        "made": words.say("revenue_book.made", moment=f"{book.made_at.astimezone(clock.ZONE):%d/%m/%Y %H:%M}"),
    }


DOTS = "…" * 22
"""A line to fill in by hand."""
