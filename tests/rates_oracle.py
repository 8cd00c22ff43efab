"""The rates from scratch: plain lists of facts, day by day, stall by stall, slow and literal.

Written from docs/indicators.md and docs/commands.md alone; it shares no line with the code it judges.
"""

import math
from collections import Counter
from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import Any, NamedTuple

from tests.disclosure_oracle import MEASURES, Hiding, measures
from tests.fate_oracle import Fate, Row, settle
from tests.place_oracle import DAY, Place, Unit, in_province, place_now, place_then, with_code
from tests.share_oracle import Area, Look, Lot, Report, Seen, ledger, shares, verified


class State(NamedTuple):
    """A row of the roll: from `since` up to, not including, `until`."""

    market: str
    stall: str
    since: date
    until: date | None
    status: str
    merchant: str | None
    account: str | None


class Facts(NamedTuple):
    """Markets with the wards they were said to stand in from a day on (the first is the opening); codes with the
    days they are live on (`[from, revoked)`); sales as (market, stall, day, đồng) and what became of them; and the
    evidence of other sales."""

    moves: dict[str, list[tuple[date, str]]]
    states: list[State]
    codes: list[tuple[str, str, date, date | None]]
    sales: list[tuple[str, str, date, int]]
    reports: list[Report]
    seen: list[Seen]
    lots: list[Lot]
    looks: list[Look]
    fates: Sequence[Fate] = ()


def holds(state: State, day: date) -> bool:
    return state.since <= day and (state.until is None or day < state.until)


def names_of(day: date) -> list[str]:
    """Every period the day is in."""
    year, week, _ = day.isocalendar()
    nine = [f"{day.year}-9M"] if day.month <= 9 else []
    return [
        day.isoformat(),
        f"{year}-W{week:02}",
        f"{day:%Y-%m}",
        f"{day.year}-Q{math.ceil(day.month / 3)}",
        f"{day.year}-H{math.ceil(day.month / 6)}",
        *nine,
        str(day.year),
    ]


@cache
def days_of(period: str) -> list[date]:
    every = (date(2023, 12, 25) + number * DAY for number in range(1500))
    return [day for day in every if period in names_of(day)]


class Oracle:
    """The facts as of a day; `rates` gives what `payments.indicator.rates` has to give."""

    def __init__(self, facts: Facts, today: date) -> None:
        self.facts, self.today = facts, today
        rows = settle(facts.sales, facts.fates)
        self.rows: dict[tuple[str, date], list[Row]] = {}
        for row in rows:
            self.rows.setdefault((row.market, row.day), []).append(row)
        self.ledger = ledger(facts.reports, facts.seen, facts.lots, facts.looks, rows)
        self._places: dict[tuple[str, date, str], Place | None] = {}
        took = measures(self.ledger)
        self.hiding = {name: Hiding(took[name], self._then, today - DAY) for name in MEASURES}

    def _then(self, market: str, day: date) -> Place | None:
        return self.place(market, day, "period")

    def place(self, market: str, day: date, boundaries: str) -> Place | None:
        key = (market, day, boundaries)
        if key not in self._places:
            moves = self.facts.moves[market]
            self._places[key] = place_then(moves, day) if boundaries == "period" else place_now(moves, day, self.today)
        return self._places[key]

    def rates(self, area: str, period: str, boundaries: str, audience: str) -> "Rated | None":
        """None: refused, because nothing is known by that name or the period has not begun."""
        days = [day for day in days_of(period) if day <= self.today]
        if not days:
            return None
        kind, code = area.split(":")
        where = {
            (market, day): place
            for market in self.facts.moves
            for day in days
            if (place := self.place(market, day, boundaries)) is not None
        }

        def rate(name: str, cells: set[tuple[str, date]]) -> tuple[str, dict[str, dict[str, Any]]]:
            places = {market: self.place(market, days[-1], boundaries) for market, _ in cells}
            wards = {market: place and place.ward for market, place in places.items()}
            return name, self.figures(cells, days, audience, wards)

        if kind == "market":
            if code not in self.facts.moves:
                return None
            return Rated(*rate(area, {cell for cell in where if cell[0] == code}), [])
        unit = self.meant(code, period, boundaries, province=kind == "province")
        if unit is None:
            return None
        if kind == "ward":
            cells = {cell for cell, place in where.items() if place.ward == unit}
            markets = sorted({market for market, _ in cells})
            parts = [rate(f"market:{market}", {cell for cell in cells if cell[0] == market}) for market in markets]
            return Rated(*rate(area, cells), parts)
        cells = {cell for cell, place in where.items() if place.province == code}
        wards = sorted(
            {ward for cell in cells if (ward := where[cell].ward) is not None}, key=lambda u: (u.code, u.first)
        )
        parts = [
            rate(f"ward:{ward.code}", {cell for cell in cells if where[cell].ward == ward})
            for ward in sorted(wards, key=lambda ward: (ward.code, ward.first))
        ]
        return Rated(*rate(area, cells), parts)

    def meant(self, code: str, period: str, boundaries: str, *, province: bool) -> Unit | None:
        """A code means the unit valid on the last day of the period, else the last one valid on any day of it."""
        days = days_of(period) if boundaries == "period" else [self.today]
        named = in_province(code) if province else with_code(code)
        for day in reversed(days):
            for unit in named:
                if unit.first <= day <= unit.last:
                    return unit
        return None

    def figures(
        self, cells: set[tuple[str, date]], days: list[date], audience: str, wards: dict[str, Unit | None]
    ) -> dict[str, dict[str, Any]]:
        """A figure for each of the indicators the books know; `cells` are the market-days of the area, `days` those of
        the period that have been, `wards` where its markets stand on the last of them."""
        k = math.ceil(len(days) / 7)
        if audience == "internal":
            figures = self.count(cells, k, wards)
        else:
            end = days[-1] if days[-1] < self.today else self.latest(cells)
            told = {cell for cell in cells if cell[1] <= end}
            figures = self.count(cells, k, wards)
            if days[0] <= end:
                takings = self.count(told, k, wards)
                figures |= {name: takings[name] for name in TELLS}
            self.hide(figures, told, "figure.suppressed" if days[0] <= end else "figure.day_not_over")
            for name in ("value_share", "count_share"):
                if end < days[-1] and figures[name]["value"] is not None:
                    figures[name]["remarks"] = [*figures[name]["remarks"], ("figure.counted_until", {"day": end})]
        for name in ("value_share", "count_share"):
            del figures[name]["parts"]
        return figures

    def latest(self, cells: set[tuple[str, date]]) -> date:
        """Of a period to date: the latest day up to which value and count may be shown, else the last that is over."""
        for end in sorted({day for _, day in cells if day < self.today}, reverse=True):
            told = {cell for cell in cells if cell[1] <= end}
            if self.hiding["value"].shows(told) and self.hiding["count"].shows(told):
                over = min(self.today - DAY, *(day - DAY for _, day in cells if day > end), date.max)
                return over
        return self.today - DAY

    def within(self, cells: set[tuple[str, date]]) -> list[Row]:
        return [row for cell in cells for row in self.rows.get(cell, ())]

    def hide(self, figures: dict[str, dict[str, Any]], told: set[tuple[str, date]], reason: str) -> None:
        takings: Counter[tuple[str, str]] = Counter()
        often: Counter[tuple[str, str]] = Counter()
        for row in self.within(told):
            takings[row[:2]] += row.value
            often[row[:2]] += row.number
        all_ = small(takings.values()) or reason == "figure.day_not_over" or not self.hiding["value"].shows(told)
        hidden = {name: all_ or not all(self.hiding[each].shows(told) for each in TELLS[name]) for name in TELLS}
        for name in ("cashless_count", "count_share"):
            hidden[name] = hidden[name] or small(often.values())
        for name in ("value_share", "count_share"):
            if figures[name]["value"] is not None:
                hidden[name] = hidden[name] or any(map(small, figures[name]["parts"]))
                sellers = sum(each != 0 for each in (takings if name == "value_share" else often).values())
                reporting = sum(each != 0 for each in figures[name]["parts"][0])
                if "observed" not in figures[name]["sources"] and sellers - reporting in (1, 2):
                    hidden[name] = True  # the level less the reporters' part
        for name in TELLS:
            if hidden[name]:
                figures[name] |= NOTHING | {"status": "suppressed"}
        for name in ("value_share", "count_share"):
            if hidden[name]:
                figures[name] |= {"reason": reason, "remarks": []}

    def count(self, cells: set[tuple[str, date]], k: int, wards: dict[str, Unit | None]) -> dict[str, dict[str, Any]]:
        trading: dict[tuple[str, str], set[date]] = {}  # the stalls of U
        for state in self.facts.states:
            if state.status == "trading":
                days = {day for market, day in cells if market == state.market and holds(state, day)}
                if days:
                    trading.setdefault((state.market, state.stall), set()).update(days)
        stalls = {stall: max(days) for stall, days in trading.items()}
        size = len(stalls)
        rows = self.within(cells)
        value, count, gross, confirmed = (
            sum(each) for each in zip((0, 0, 0, 0), *(row[3:] for row in rows), strict=True)
        )
        often: Counter[tuple[str, str]] = Counter()
        for row in rows:
            often[row[:2]] += row.number
        onboarded = sum(self.approved(stall, day) for stall, day in stalls.items())
        accepting = sum(self.live(stall, day) for stall, day in stalls.items())
        in_use = sum(often[stall] >= k for stall in stalls)
        linked = {stall for stall in stalls if any(self.live(stall, day) for of, day in cells if of == stall[0])}
        connected = len(linked)
        area = Area(trading, linked, wards)
        return {
            "onboarded": share(onboarded, size),
            "acceptance": share(accepting, size),
            "active_use": share(in_use, size) | {"k": k},
            "verified_acceptance": verified(area, self.ledger, cells),
            **shares(area, self.ledger),
            "cashless_value": level(value, connected, size),
            "cashless_count": level(count, connected, size),
            # A census, therefore n = N.
            "reconciled_share": share(confirmed, gross) | {"n": size, "N": size, "coverage": 1.0 if size else None},
        }

    def approved(self, stall: tuple[str, str], day: date) -> bool:
        """The roll gives merchant and account."""
        return any(
            state.merchant is not None and state.account is not None
            for state in self.facts.states
            if (state.market, state.stall) == stall
            and state.since <= day
            and (state.until is None or day < state.until)
        )

    def live(self, stall: tuple[str, str], day: date) -> bool:
        return any(
            (market, number) == stall and since <= day and (revoked is None or day < revoked)
            for market, number, since, revoked in self.facts.codes
        )


class Rated(NamedTuple):
    area: str
    figures: dict[str, dict[str, Any]]
    parts: list[tuple[str, dict[str, dict[str, Any]]]]


TELLS: dict[str, tuple[str, ...]] = {
    "cashless_value": (),
    "cashless_count": ("count",),
    "value_share": ("sales",),
    "count_share": ("count", "purchases"),
    "reconciled_share": ("gross", "confirmed"),
}
NOTHING = dict.fromkeys(("value", "low", "high", "numerator", "denominator"))


def share(numerator: int, denominator: int) -> dict[str, Any]:
    counts = {"n": denominator, "N": denominator, "coverage": 1.0 if denominator else None}
    if denominator == 0:
        return NOTHING | counts | {"status": "insufficient"}
    value = numerator / denominator
    point = {"value": value, "low": value, "high": value, "numerator": numerator, "denominator": denominator}
    return point | counts | {"status": "provisional"}


def level(value: int, connected: int, size: int) -> dict[str, Any]:
    point = {"value": value, "low": value, "high": value, "numerator": value, "denominator": None}
    counts = {"n": connected, "N": size, "coverage": connected / size if size else None}
    return point | counts | {"status": "provisional"}


def small(contributions: Any) -> bool:
    """Fewer than 3 contribute, or what two largest leave is less than 10 % of the largest."""
    cell = sorted((abs(each) for each in contributions if each != 0), reverse=True)
    return len(cell) < 3 or 10 * (sum(cell) - cell[0] - cell[1]) < cell[0]
