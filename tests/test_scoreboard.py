"""The scoreboard: bands on every border, counts against a plain oracle in random worlds, and what is counted apart."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import Session

from ground import clock, words
from ground.refusal import Refusal
from ground.store import Store
from merchants import market
from payments import figure, indicator, scoreboard, side_by_side, target
from payments.area import BOUNDARIES, Area
from payments.figure import Status
from payments.indicator import Rated
from payments.period import parse
from payments.scoreboard import Judged
from payments.target import Target
from tests import rates_world
from tests.rates_oracle import Oracle, days_of
from tests.world import Street

NOW = clock.now()


def judge(numerator: int, denominator: int, wanted: str) -> Judged:
    """A census of stalls against a target."""
    shown = figure.share("acceptance", numerator, denominator, source="codes")
    row = Target(
        area="market:a", indicator="acceptance", period="2026-10", value=Decimal(wanted), set_at=NOW, set_by="x"
    )
    return scoreboard.judge(row, Area("market:a", "A", ()), {"acceptance": shown})


@pytest.mark.parametrize(
    ("numerator", "denominator", "wanted", "band"),
    [
        (8, 10, "0.8", "met"),
        (10, 10, "0.8", "met"),
        (7, 10, "0.7", "met"),  # 0.7 of a double is less than 7/10
        (799_999, 1_000_000, "0.8", "near"),
        (56, 100, "0.8", "near"),  # 70 % exactly
        (559_999, 1_000_000, "0.8", "behind"),
        (4, 10, "0.8", "behind"),  # 50 % exactly
        (399_999, 1_000_000, "0.8", "far"),
        (0, 10, "0.8", "far"),
        (1, 3, "0.333333", "met"),
        (1, 3, "0.333334", "near"),
    ],
)
def test_every_border_belongs_to_the_better_band(numerator: int, denominator: int, wanted: str, band: str) -> None:
    judged = judge(numerator, denominator, wanted)
    assert judged.band == band
    assert judged.attainment == Fraction(numerator, denominator) / Fraction(wanted)


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 500), st.data(), st.integers(1, 1000))
def test_any_share_of_stalls_is_in_the_band_its_counts_say(stalls: int, data: st.DataObject, thousandths: int) -> None:
    having = data.draw(st.integers(0, stalls))
    # having / stalls against thousandths / 1000, in whole numbers alone
    reached, wanted = having * 1000, stalls * thousandths
    bands = (("met", 10), ("near", 7), ("behind", 5))
    plain = next((name for name, tenths in bands if 10 * reached >= tenths * wanted), "far")
    assert judge(having, stalls, str(Decimal(thousandths) / 1000)).band == plain


def test_a_level_is_judged_like_a_share_and_a_negative_one_is_far() -> None:
    for value, band in ((1_000, "met"), (700, "near"), (500, "behind"), (499, "far"), (-5, "far")):
        shown = figure.level("cashless_value", value, connected=5, size=5)
        row = Target(
            area="market:a", indicator="cashless_value", period="2026", value=Decimal(1000), set_at=NOW, set_by="x"
        )
        assert scoreboard.judge(row, Area("market:a", "A", ()), {"cashless_value": shown}).band == band


@pytest.mark.parametrize("status", ["insufficient", "suppressed"])
def test_what_is_not_shown_is_in_no_band(status: Status) -> None:
    row = Target(area="market:a", indicator="value_share", period="2026", value=Decimal("0.5"), set_at=NOW, set_by="x")
    missing = figure.missing("value_share", "figure.no_cash_known", n=0, size=9, status=status)
    judged = scoreboard.judge(row, Area("market:a", "A", ()), {"value_share": missing})
    assert (judged.band, judged.attainment) == (None, None)


def put(session: Session, area: str, indicator_: str, period: str, value: str) -> None:
    target.put(session, area, indicator_, period, Decimal(value), by="test", at=NOW)


def test_a_wards_scoreboard_holds_its_own_and_its_markets_targets_a_provinces_all(
    session: Session, street: Street
) -> None:
    market.add(session, "cho-xa", "Chợ xa", "00004", since=date(2026, 1, 1))
    for area in ("market:cho-a", "ward:26506", "province:79", "market:cho-xa", "ward:00004"):
        put(session, area, "acceptance", "2026-10", "0.8")
    put(session, "market:cho-a", "acceptance", "2026-11", "0.8")  # another period

    def held(area: str) -> list[str]:
        return [each.area.key for each in scoreboard.read(session, area, "2026-10").judged]

    assert held("market:cho-a") == ["market:cho-a"]
    assert held("ward:26506") == ["ward:26506", "market:cho-a"]
    assert held("province:79") == ["province:79", "ward:26506", "market:cho-a"]
    assert held("province:01") == ["ward:00004", "market:cho-xa"]
    with pytest.raises(Refusal):
        held("ward:99999")


def test_a_ward_without_markets_and_a_hidden_figure_are_counted_apart_and_said(
    session: Session, street: Street
) -> None:
    put(session, "ward:26506", "acceptance", "2026-10", "0.8")
    put(session, "ward:26506", "cashless_value", "2026-10", "1000")  # nobody sold: fewer than three
    put(session, "ward:26526", "acceptance", "2026-10", "0.8")  # no market stands there
    board = scoreboard.read(session, "province:79", "2026-10")
    assert (board.bands, board.apart) == ({"met": 1}, {"insufficient": 1, "suppressed": 1})
    said = scoreboard.summary(board, "vi")
    assert said.startswith("1 chỉ tiêu: 1 đạt, 0 gần đạt, 0 chậm, 0 còn xa.") and "2 chỉ tiêu" in said
    shown = scoreboard.shown(board)
    assert shown["counts"]["total"] == 1 and len(shown["targets"]) == 3
    assert [each["band"] for each in shown["targets"]] == ["met", None, None]


def test_the_count_reads_as_the_quarterly_meetings_report_it() -> None:
    counts = {"met": 7, "near": 9, "behind": 6, "far": 2}
    assert words.say("scoreboard.summary", "en", total=24, **counts) == "24 targets: 7 met, 9 near, 6 behind, 2 far."
    assert words.say("scoreboard.summary", "vi", total=24, **counts).startswith("24 chỉ tiêu: 7 đạt,")


# --- random worlds


MOMENT = datetime(2026, 11, 10, 5, tzinfo=UTC)


@pytest.mark.parametrize("seed", (0, 3, 5, 7))
def test_every_scoreboard_of_a_random_world_is_the_oracles(books: Store, session: Session, seed: int) -> None:
    facts = rates_world.draw(seed, postable=False, dense=seed % 2 == 0)
    rates_world.store(books, session, facts, by_notice=False)
    chance, oracle = Random(seed), Oracle(facts, date(2026, 11, 10))
    period = chance.choice([*rates_world.reported(seed), "2026-Q3", "2026-10", "2025-9M"])
    wanted: dict[tuple[str, str], Decimal] = {}
    for area in rates_world.areas(facts):
        for name in chance.sample(target.NAMES, 4):
            value = Decimal(chance.randint(1, 1000)) * (1000 if name in target.LEVELS else Decimal("0.001"))
            try:
                target.put(session, area, name, period, value, by="test", at=MOMENT)
            except Refusal:
                continue
            wanted[area, name] = value
    session.commit()
    for area in chance.sample(rates_world.areas(facts), 7):
        if oracle.rates(area, period, "period", "public") is None:
            continue
        board = scoreboard.read(session, area, period, as_of=MOMENT)
        told = {(each.area.key, each.target.indicator): each.band or each.figure.status for each in board.judged}
        assert told == plain(oracle, area, period, wanted), (area, period)


def plain(oracle: Oracle, area: str, period: str, wanted: dict[tuple[str, str], Decimal]) -> dict[tuple[str, str], str]:
    """The law, word by word: which targets belong to the area, and what their figures come to."""
    found = {}
    for (key, name), value in wanted.items():
        rated = oracle.rates(key, period, "period", "public")
        if rated is None or not stands_in(oracle, key, area, period):
            continue
        shown = rated.figures[name]
        if shown["value"] is None:
            found[key, name] = shown["status"]
            continue
        reached = shown["value"] / float(value)
        found[key, name] = (
            "met" if reached >= 1 else "near" if reached >= 0.7 else "behind" if reached >= 0.5 else "far"
        )
    return found


def stands_in(oracle: Oracle, key: str, area: str, period: str) -> bool:
    (level, code), (kind, other) = key.split(":"), area.split(":")
    if key == area:
        return True
    if level == "market":
        places = [oracle.place(code, day, "period") for day in days_of(period) if day <= oracle.today]
        if kind == "ward":
            unit = oracle.meant(other, period, "period", province=False)
            return any(place is not None and place.ward == unit for place in places)
        return kind == "province" and any(place is not None and place.province == other for place in places)
    unit = oracle.meant(code, period, "period", province=False) if level == "ward" else None
    return kind == "province" and unit is not None and unit.province == other


@pytest.mark.parametrize("seed", (9,))
def test_figures_read_side_by_side_are_what_each_is_alone(books: Store, session: Session, seed: int) -> None:
    facts = rates_world.draw(seed, postable=False, dense=True)
    rates_world.store(books, session, facts, by_notice=False)
    periods = [parse(text) for text in ("2026-Q3", "2025-06", "2025-07", "2026-10", "2026-11", "2026-12", "2025")]
    for boundaries in BOUNDARIES:
        for key in rates_world.areas(facts):
            told = side_by_side.periods(session, key, periods, boundaries=boundaries, as_of=MOMENT)
            for asked, each in zip(periods, told, strict=True):
                try:
                    alone = indicator.rates(session, key, asked.text, boundaries=boundaries, as_of=MOMENT).whole
                except Refusal:
                    alone = None
                assert rounded(each) == rounded(alone), (key, asked.text, boundaries)
    keys = [f"market:{code}" for code in facts.moves]
    together = side_by_side.areas(session, keys, periods[0], as_of=MOMENT)
    alone_ = [indicator.rates(session, key, "2026-Q3", as_of=MOMENT).whole for key in keys]
    assert list(map(rounded, together)) == list(map(rounded, alone_))


def rounded(rated: Rated | None) -> object:
    """Sums of squares come in any order, so that an interval's last digit is chance."""
    if rated is None:
        return None
    bounds = [tuple(bound and round(bound, 9) for bound in (each.low, each.high)) for each in rated.figures]
    return rated.area, rated.until, [replace(each, low=None, high=None) for each in rated.figures], bounds
