"""The geometry of bullets and small trends: everything within the frame, and what is not shown is a gap."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from ground import clock
from payments import figure, period_run, scoreboard
from payments.area import Area
from payments.figure import Figure
from payments.indicator import Rated
from payments.period import parse
from payments.scoreboard import Judged
from payments.series import Point
from payments.target import NAMES, Target
from portal import bullet, trend

AREA = Area("market:a", "A", ())
SHARES = st.floats(0, 1, allow_nan=False)
MONTHS = period_run.back(parse("2026-11"), 13)


def aim(indicator: str, value: str, shown: Figure) -> Judged:
    row = Target(
        area="market:a", indicator=indicator, period="2026-10", value=Decimal(value), set_at=clock.now(), set_by="x"
    )
    return scoreboard.judge(row, AREA, {indicator: shown})


@settings(max_examples=200, deadline=None)
@given(st.lists(SHARES, min_size=3, max_size=3), st.integers(1, 1000))
def test_a_bullet_stays_within_its_frame_and_its_zones_fill_it(ends: list[float], thousandths: int) -> None:
    low, value, high = sorted(ends)
    shown = replace(figure.share("value_share", 1, 2, source="declared"), value=value, low=low, high=high)
    drawn = bullet.draw(shown, aim("value_share", str(Decimal(thousandths) / 1000), shown))
    assert drawn is not None and drawn.target is not None
    assert 0 <= drawn.value <= 100 and abs(drawn.target - thousandths / 10) < 0.01
    if low == high:
        assert drawn.low is None and drawn.width is None
    else:
        assert drawn.low is not None and drawn.width is not None
        assert drawn.low <= drawn.value <= drawn.low + drawn.width + 0.02 and drawn.low + drawn.width <= 100.01
    x = 0.0
    for zone in drawn.zones:
        assert abs(zone.x - x) < 0.02 and zone.width >= 0
        x = zone.x + zone.width
    assert abs(x - 100) < 0.02 and [zone.band for zone in drawn.zones] == ["far", "behind", "near", "met"]


def test_the_zone_a_bar_ends_in_is_the_band_of_its_target() -> None:
    for part in range(1, 100):
        shown = figure.share("acceptance", part, 100, source="codes")
        judged = aim("acceptance", "0.83", shown)
        drawn = bullet.draw(shown, judged)
        assert drawn is not None
        zone = [each.band for each in drawn.zones if each.x <= drawn.value][-1]
        assert zone == judged.band


def test_a_level_is_drawn_only_against_a_target_and_nothing_is_drawn_of_what_is_not_shown() -> None:
    level = figure.level("cashless_value", 500, connected=3, size=3)
    assert bullet.draw(level, None) is None
    drawn = bullet.draw(level, aim("cashless_value", "1000", level))
    assert drawn is not None and drawn.target is not None and round(drawn.target / drawn.value, 2) == 2
    missing = figure.missing("value_share", "figure.no_cash_known", n=0, size=3)
    assert bullet.draw(missing, aim("value_share", "0.5", missing)) is None
    loss = bullet.draw(figure.level("cashless_value", -500, connected=3, size=3), aim("cashless_value", "1000", level))
    assert loss is not None and loss.value == 0


SEEN = st.one_of(st.none(), st.just("suppressed"), SHARES)


@settings(max_examples=150, deadline=None)
@given(st.lists(SEEN, min_size=13, max_size=13), st.sampled_from(["acceptance", "cashless_value"]))
def test_every_month_of_a_trend_is_a_spot_or_in_a_gap(seen: list[float | str | None], indicator: str) -> None:
    drawn = trend.draw([Point(each, rated(indicator, value), None) for each, value in zip(MONTHS, seen, strict=True)])
    shown = [value for value in seen if isinstance(value, float)]
    assert [each.indicator for each in drawn] == ([indicator] if shown else [])
    for each in drawn:
        assert len(each.spots) == len(shown) and each.latest == each.spots[-1]
        assert all(0 <= spot.x <= each.width and 0 <= spot.y <= each.foot for spot in each.spots)
        hidden = {month for month, value in zip(MONTHS, seen, strict=True) if value == "suppressed"}
        gaps = [
            (gap, [month for month in MONTHS if gap.first.first <= month.first <= gap.last.first]) for gap in each.gaps
        ]
        assert {month for gap, months in gaps for month in months if gap.status == "suppressed"} == hidden
        assert sum(len(months) for _, months in gaps) + len(each.spots) == 13
        assert sum(path.count("L") + 1 for path in each.paths) == len(each.spots)


def rated(indicator: str, value: float | str | None) -> Rated:
    """Only one indicator is known."""
    figures = [figure.missing(name, "figure.no_sales", n=0, size=9) for name in NAMES]
    at = NAMES.index(indicator)
    if value == "suppressed":
        figures[at] = figure.hide(figures[at])
    elif isinstance(value, float):
        amount = int(value * 10**9) if indicator == "cashless_value" else value
        figures[at] = replace(figure.level(indicator, 1, connected=9, size=9), value=amount)
    return Rated(AREA, tuple(figures), MONTHS[-1].last)


def test_a_month_in_which_the_code_meant_nothing_is_a_gap() -> None:
    points = [Point(each, None, None) for each in MONTHS[:5]]
    points += [Point(each, rated("acceptance", 0.5), None) for each in MONTHS[5:]]
    (drawn,) = trend.draw(points)
    assert [(gap.first.text, gap.last.text, gap.status) for gap in drawn.gaps] == [
        (MONTHS[0].text, MONTHS[4].text, "insufficient")
    ]
    assert len(drawn.paths) == 1 and trend.draw(points[:5]) == []
