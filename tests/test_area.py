"""Areas: every market-day is in one ward and one province, so that their sums are what the markets are."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import Session

from ground.store import Store
from merchants import market, place
from payments import area, census, indicator, period
from payments.area import Area, Boundaries, Span
from payments.indicator import Rates
from tests import rates_world
from tests.place_oracle import units
from tests.world import build_street, keep, post, told

NOW = datetime(2026, 11, 10, 5, tzinfo=UTC)
TODAY = date(2026, 11, 10)
PROVINCES = sorted({unit.province for unit in units()})
LINH_TAY = "26818"  # split into Linh Xuân 26800 and Thủ Đức 26824


def days(spans: tuple[Span, ...]) -> list[tuple[int, date]]:
    return [
        (span.market_id, span.first + timedelta(days=number))
        for span in spans
        for number in range((span.last - span.first).days + 1)
    ]


def found(session: Session, key: str, text: str, boundaries: Boundaries = "period") -> tuple[Area, list[Area]]:
    asked = period.parse(text)
    last = asked.counted_until(NOW)
    return area.find(key, asked, area.draw(session, asked.first, last, boundaries, TODAY))


@pytest.mark.parametrize("seed", range(100, 108))
def test_every_market_day_is_in_one_province_and_at_most_one_ward(books: Store, session: Session, seed: int) -> None:
    """So the sums over all provinces are equal under both boundaries, and a province's are its wards' and the rest."""
    facts = rates_world.draw(seed, postable=False)
    rates_world.store(books, session, facts, by_notice=False)
    everything = [Span(one.key, one.since, TODAY) for one in market.every(session)]
    totals = [census.level(session.connection(), everything)]
    for boundaries in ("period", "current"):
        drawn = area.draw(session, date(2024, 1, 1), TODAY, boundaries, TODAY)
        provinces = [
            Area(code, code, area._spans(drawn, lambda stay, code=code: stay.province_code == code))
            for code in PROVINCES
        ]
        in_provinces = [day for province in provinces for day in days(province.spans)]
        assert sorted(in_provinces) == sorted(days(tuple(everything)))
        in_wards = [day for code in PROVINCES for part in area._wards_of(code, drawn) for day in days(part.spans)]
        nowhere = area._spans(drawn, lambda stay: stay.ward is None)
        assert sorted(in_wards + days(nowhere)) == sorted(in_provinces)
        levels = [census.level(session.connection(), province.spans) for province in provinces]
        totals.append((sum(value for value, _ in levels), sum(number for _, number in levels)))
    assert totals[0] == totals[1] == totals[2]


@pytest.mark.parametrize("seed", range(120, 124))
def test_the_wards_of_a_province_add_up_where_every_ward_is_known(books: Store, session: Session, seed: int) -> None:
    facts = rates_world.draw(seed, postable=False)
    for code, moves in facts.moves.items():  # whole successions only, and every later move as it is
        facts.moves[code] = [(moves[0][0], "26512" if moves[0][0] < rates_world.REFORM else "26506"), *moves[-1:][1:]]
    rates_world.store(books, session, facts, by_notice=False)
    assert all(place.needs_move(moves, TODAY) is None for moves in market.moves(session).values())
    for text in ("2025-Q3", "2025-07", "2026", "2026-10"):
        then, now = (whole(session, "province:79", text, boundaries) for boundaries in ("period", "current"))
        for name in ("cashless_value", "cashless_count"):
            assert value(then, name) == value(now, name) == sum(value(part, name) for part in then.parts)
    # The days before the reform were another province's.
    year = [whole(session, key, "2025", "period") for key in ("province:77", "province:79")]
    assert sum(value(each, "cashless_value") for each in year) == value(
        whole(session, "province:79", "2025", "current"), "cashless_value"
    )


def whole(session: Session, key: str, text: str, boundaries: Boundaries) -> Rates:
    return indicator.rates(session, key, text, boundaries=boundaries, audience="internal", as_of=NOW)


def value(rated: Any, name: str) -> int:
    figures = rated.whole.figures if isinstance(rated, Rates) else rated.figures
    return int(next(figure.value for figure in figures if figure.indicator == name))


def test_a_code_means_the_unit_of_the_periods_last_day(session: Session) -> None:
    """26506 was Phường 1 and is Phường Vũng Tàu; 26512 was Phường 3 and is nothing since."""
    names = {text: found(session, "ward:26506", text)[0].name for text in ("2025-06", "2025-W27", "2025-07", "2025")}
    assert names == {"2025-06": "Phường 1"} | dict.fromkeys(("2025-W27", "2025-07", "2025"), "Phường Vũng Tàu")
    assert found(session, "ward:26512", "2025-W27")[0].name == "Phường 3"
    assert found(session, "ward:26506", "2025-06", "current")[0].name == "Phường Vũng Tàu"
    assert found(session, "province:77", "2025")[0].name == "Tỉnh Bà Rịa - Vũng Tàu"


def test_parts_are_the_markets_of_a_ward_and_the_wards_of_a_province(session: Session) -> None:
    for code, ward in (("cho-b", "26512"), ("cho-a", "26506"), ("cho-c", "26533")):
        market.add(session, code, code, ward, since=date(2025, 1, 1))
    ward, parts = found(session, "ward:26506", "2025-Q3")
    assert [part.key for part in parts] == ["market:cho-a", "market:cho-b"]
    assert sorted(days(ward.spans)) == sorted(day for part in parts for day in days(part.spans))
    assert [part.key for part in found(session, "province:79", "2025-Q3")[1]] == ["ward:26506", "ward:26536"]
    assert [part.name for part in found(session, "province:77", "2025-Q2")[1]] == [
        "Phường 1",
        "Phường 3",
        "Phường Thắng Nhất",
    ]
    assert found(session, "market:cho-a", "2025-Q3")[1] == []


def test_after_a_split_the_market_is_in_the_province_only_until_its_ward_is_named(
    books: Store, session: Session
) -> None:
    street = build_street(session, ward=LINH_TAY, since=date(2025, 1, 1))
    keep(books, [told(1, 20_000, at="2025-06-30 09:00:00"), told(2, 50_000, at="2025-07-01 09:00:00")])
    post(books)

    def levels(boundaries: Boundaries) -> dict[str, int]:
        keys = ("ward:26800", "ward:26824", "province:79")
        return {key: value(whole(session, key, "2025-W27", boundaries), "cashless_value") for key in keys}

    assert levels("period") == levels("current") == {"ward:26800": 0, "ward:26824": 0, "province:79": 70_000}
    market.move(session, street.market, "26824", since=date(2025, 7, 1))
    assert levels("period") == {"ward:26800": 0, "ward:26824": 50_000, "province:79": 70_000}
    assert levels("current") == {"ward:26800": 0, "ward:26824": 70_000, "province:79": 70_000}
    assert value(whole(session, "ward:26818", "2025-W27", "period"), "cashless_value") == 20_000
