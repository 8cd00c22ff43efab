"""The shares as somebody asks for them: what counts as evidence, what is said of it, and what stays unsaid."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session
from starlette.testclient import TestClient

from ground.settings import Settings
from ground.store import Store
from merchants import code, market
from merchants.market import Market
from payments import cash_report, indicator, observation, sample
from payments.estimate import wilson
from payments.figure import Figure
from tests.shell import run
from tests.test_estimate import X, Y
from tests.world import VUNG_TAU, import_roll, keep, post, told

AREA = "market:cho-a"
DAY = "2026-10-05"
NOVEMBER = datetime(2026, 11, 1, 2, tzinfo=UTC)
STALLS = 20


def build(session: Session, *, name: str = "cho-a", stalls: int = STALLS, ward: str = VUNG_TAU) -> Market:
    """A market of so many stalls, S01 and on, each with an account of its own and a live code."""
    found = market.add(session, name, f"Chợ {name}", ward, since=date(2026, 1, 1))
    offset = 100 * market.every(session).index(found)
    rows = (f"S{n:02d};A;Rau;Hộ {n};;;;VCB;{2_000_000 + offset + n};;" for n in range(1, stalls + 1))
    import_roll(session, found, "\n".join(rows))
    code.issue(session, found, since=found.since)
    session.commit()
    return found


@pytest.fixture
def place(session: Session) -> Market:
    return build(session)


def sell(books: Store, amounts: dict[int, int], *, day: str = DAY, first: int = 1, offset: int = 0) -> None:
    """One cashless sale for each stall by its number."""
    keep(
        books,
        [
            told(first + at, amount, account=str(2_000_000 + offset + n), at=f"{day} 08:30:00")
            for at, (n, amount) in enumerate(amounts.items())
        ],
    )
    post(books)


def tell(session: Session, found: Market, folder: Path, rows: str) -> None:
    """Cash reports, or observations where a row has four cells: `S01,DAY,…`."""
    file = folder / "evidence.csv"
    lines = rows.strip().splitlines()
    observed = lines[0].count(",") == 3
    file.write_text("\n".join(["stall,date,cashless,total" if observed else "stall,date,amount,count,source", *lines]))
    done = (observation if observed else cash_report).take_in(session, found, file, by="board")
    assert not done.errors, done.errors
    session.commit()


def ask(session: Session, name: str, period: str = DAY, area: str = AREA, **options: Any) -> Figure:
    options = {"audience": "internal", "as_of": NOVEMBER} | options
    found = indicator.rates(session, area, period, **options)
    return next(figure for figure in found.whole.figures if figure.indicator == name)


def worked(books: Store, session: Session, found: Market, folder: Path) -> None:
    """The worked example of docs/indicators.md in thousands: eight of twenty stalls declare their cash."""
    sell(books, {n: 1_000 * y for n, y in enumerate(Y, 1) if y})
    cash = (f"S{n:02d},{DAY},{1_000 * (x - y)},,declared" for n, (y, x) in enumerate(zip(Y, X, strict=True), 1))
    tell(session, found, folder, "\n".join(cash))


def test_the_worked_example_goes_all_the_way(
    books: Store, session: Session, test_settings: Settings, place: Market, tmp_path: Path
) -> None:
    worked(books, session, place, tmp_path)
    words = ("rates", "--area", AREA, "--period", DAY, "--audience", "internal", "--format", "json")
    figures = {each["indicator"]: each for each in run(test_settings, *words).document["figures"]}
    assert figures["value_share"] == {
        "indicator": "value_share",
        "value": pytest.approx(0.3673469, abs=5e-8),
        "low": pytest.approx(0.26443, abs=5e-6),
        "high": pytest.approx(0.47027, abs=5e-6),
        "numerator": 4_500_000,
        "denominator": 12_250_000,
        "n": 8,
        "N": 20,
        "coverage": 0.4,
        "sources": ["declared"],
        "method": "volunteers",
        "status": "provisional",
        "reason": "small sample: interval approximate",
        "population": "connected stalls",
        "connected": 1.0,
    }
    assert figures["count_share"]["reason"] == "cash sales are not known", "no report has a number of sales"
    assert run(test_settings, *words, MARKET_LANGUAGE="vi").document["figures"][5]["reason"].startswith("mẫu nhỏ")


def test_who_has_no_code_is_not_in_the_population(
    books: Store, session: Session, place: Market, tmp_path: Path
) -> None:
    """The receipts of an unconnected stall are not seen: its cash says nothing of a share."""
    worked(books, session, place, tmp_path)
    serials = {row["stall"]: row["serial"] for row in code.every(session, place)}
    for stall in ("S01", "S20"):
        code.revoke(session, serials[stall], reason="lost", on=date(2026, 10, 5))
    figure = ask(session, "value_share")
    assert (figure.n, figure.N, figure.connected) == (7, 18, 0.9)
    assert figure.denominator == round(18 / 7 * 1_000 * sum(X[1:]))


@pytest.mark.parametrize(
    ("stalls", "reports", "value", "reason"),
    [
        (20, 4, None, "share.too_few"),
        (4, 4, 1 / 3, None),  # everybody: a point, and nothing approximate in it
        (4, 3, None, "share.too_few"),
        (20, 5, 1 / 3, "share.small_sample"),
        (99, 5, 1 / 3, "share.small_sample"),
        (101, 5, None, "share.too_little"),
    ],
)
def test_how_many_are_enough(
    books: Store,
    session: Session,
    tmp_path: Path,
    stalls: int,
    reports: int,
    value: float | None,
    reason: str | None,
) -> None:
    found = build(session, stalls=stalls)
    sell(books, dict.fromkeys(range(1, reports + 1), 10_000))
    tell(session, found, tmp_path, "\n".join(f"S{n:02d},{DAY},20000,,declared" for n in range(1, reports + 1)))
    figure = ask(session, "value_share")
    assert figure.value == pytest.approx(value) and figure.reason == reason
    assert (figure.n, figure.N) == (reports, stalls)
    assert figure.status == ("insufficient" if value is None else "provisional")
    if reason is None:
        assert figure.low == figure.high == figure.value


def test_a_stall_reports_with_half_of_its_days(books: Store, session: Session, place: Market, tmp_path: Path) -> None:
    """Of a week's seven days four; of two days open, one. Its sales on other days are not compared with that cash."""
    import_roll(session, place, "S06;A;Rau;Hộ 6;;tạm nghỉ;07/10/2026;VCB;2000006;;")
    session.commit()
    sell(books, dict.fromkeys(range(1, 8), 10_000))
    sell(books, dict.fromkeys(range(1, 8), 90_000), day="2026-10-10", first=50)
    rows = [f"S{n:02d},2026-10-{5 + day:02d},30000,,declared" for n in range(1, 6) for day in range(4)]
    rows += ["S06,2026-10-05,30000,,declared"]
    rows += [f"S07,2026-10-{5 + day:02d},30000,,declared" for day in range(3)]
    tell(session, place, tmp_path, "\n".join(rows))
    figure = ask(session, "value_share", "2026-W41")
    assert (figure.n, figure.N) == (6, 20)
    week, two = 7 / 4, 2 / 1
    y = 5 * week * 10_000 + two * 10_000
    x = 5 * week * (10_000 + 4 * 30_000) + two * 40_000
    assert (figure.numerator, figure.denominator) == (round(20 / 6 * y), round(20 / 6 * x))


def test_booked_wins_over_declared_unless_it_is_under_the_receipts(
    books: Store, session: Session, place: Market, tmp_path: Path
) -> None:
    sell(books, dict.fromkeys(range(1, 9), 10_000))
    rows = [f"S{n:02d},{DAY},30000,3,declared" for n in range(1, 9)]
    rows += [f"S01,{DAY},100000,,booked", f"S02,{DAY},9999,5,booked", f"S03,{DAY},10000,0,booked"]
    tell(session, place, tmp_path, "\n".join(rows))
    value = ask(session, "value_share")
    assert (value.n, value.sources) == (7, ("declared", "booked")), "a day booked under its receipts is no report"
    assert value.value == pytest.approx(70_000 / (100_000 + 10_000 + 5 * 40_000))
    assert value.because() == (
        "small sample: interval approximate; days booked under their own cashless receipts, not counted: 1"
    )
    count = ask(session, "count_share")
    assert (count.n, count.sources) == (6, ("declared",)), "S01 by what it declared, S02 and S03 not at all"
    assert count.value == pytest.approx(6 / 24)
    assert count.remarks[0].params == {"count": 2}


def test_a_correction_counts_from_when_it_is_told(
    books: Store, session: Session, place: Market, tmp_path: Path
) -> None:
    worked(books, session, place, tmp_path)
    tell(session, place, tmp_path, f"S01,{DAY},0,,declared")
    assert ask(session, "value_share").denominator == round(20 / 8 * 1_000 * (sum(X) - X[0] + Y[0]))


def test_a_roll_that_says_otherwise_later_takes_the_report_away(
    books: Store, session: Session, place: Market, tmp_path: Path
) -> None:
    worked(books, session, place, tmp_path)
    import_roll(session, place, "S01;A;Rau;Hộ 1;;tạm nghỉ;05/10/2026;VCB;2000001;;")
    figure = ask(session, "value_share")
    assert (figure.n, figure.N) == (7, 19)


def test_everybody_cashless_or_nobody_has_wilsons_interval(
    books: Store, session: Session, place: Market, tmp_path: Path
) -> None:
    tell(session, place, tmp_path, "\n".join(f"S{n:02d},{DAY},20000,2,declared" for n in range(1, 9)))
    none = ask(session, "value_share")
    assert (none.value, none.low, none.high) == (0, 0, pytest.approx(wilson(0, 8 * 19 / 12)[1]))
    sell(books, dict.fromkeys(range(1, 9), 10_000))
    tell(session, place, tmp_path, "\n".join(f"S{n:02d},{DAY},0,0,declared" for n in range(1, 9)))
    every = ask(session, "count_share")
    assert (every.value, every.low, every.high) == (1, pytest.approx(wilson(1, 8 * 19 / 12)[0]), 1)


def test_five_stalls_observed_settle_the_share_of_purchases(
    books: Store, session: Session, place: Market, tmp_path: Path
) -> None:
    sell(books, dict.fromkeys(range(1, 9), 10_000))
    tell(session, place, tmp_path, "\n".join(f"S{n:02d},{DAY},20000,4,declared" for n in range(1, 9)))
    assert ask(session, "count_share").value == pytest.approx(1 / 5)
    drawn = sample.draw(session, place, "2026-10", 6, "7", by="board", as_of=NOVEMBER).drawn
    tell(session, place, tmp_path, "\n".join(f"{stall},{DAY},3,10" for stall in drawn[:4]))
    assert ask(session, "count_share").sources == ("declared",)
    tell(session, place, tmp_path, f"{drawn[4]},{DAY},8,10")
    figure = ask(session, "count_share")
    assert (figure.value, figure.n, figure.N) == (pytest.approx(20 / 50), 5, 20)
    assert (figure.sources, figure.method, figure.population) == (("observed",), "stratified ratio", "all stalls")
    assert (figure.numerator, figure.denominator) == (80, 200)
    assert figure.because() == "small sample: interval approximate"
    assert figure.connected is None and "connected" not in figure.shown()
    (picked, *_) = [f"S{n:02d}" for n in range(1, 21) if f"S{n:02d}" not in drawn]
    tell(session, place, tmp_path, f"{picked},{DAY},0,10")
    assert ask(session, "count_share").because("vi") == (
        "mẫu nhỏ: khoảng tin cậy chỉ gần đúng; số sạp được đếm nhưng không do rút mẫu: 1"
    )


def test_observed_stalls_need_no_code(session: Session, tmp_path: Path) -> None:
    found = market.add(session, "cho-a", "Chợ A", VUNG_TAU, since=date(2026, 1, 1))
    import_roll(session, found, "\n".join(f"S{n:02d};A;Rau;Hộ {n};;;;;;;" for n in range(1, 11)))
    tell(session, found, tmp_path, "\n".join(f"S{n:02d},{DAY},{n % 3},6" for n in range(1, 7)))
    figure = ask(session, "count_share")
    assert (figure.n, figure.N, figure.value) == (6, 10, pytest.approx(6 / 36))
    assert ask(session, "value_share").N == 0


def test_a_thin_market_is_merged_in_its_ward_and_named(books: Store, session: Session, tmp_path: Path) -> None:
    for at, name in enumerate(("cho-a", "cho-b", "cho-c")):
        found = build(session, name=name, stalls=10)
        reports = (1, 6, 0)[at]
        if reports:
            sell(books, dict.fromkeys(range(1, reports + 1), 10_000), first=100 * at + 1, offset=100 * at)
            tell(session, found, tmp_path, "\n".join(f"S{n:02d},{DAY},30000,,declared" for n in range(1, reports + 1)))
    figure = ask(session, "value_share", area=f"ward:{VUNG_TAU}")
    assert (figure.n, figure.N, figure.value) == (7, 30, 0.25)
    assert figure.because() == "small sample: interval approximate; merged strata: cho-a, cho-c into cho-b"
    assert ask(session, "value_share", area="market:cho-a").reason == "share.too_few"


def test_refunds_make_no_share_below_nothing(books: Store, session: Session, place: Market, tmp_path: Path) -> None:
    """Without any takings there is no share, whatever was declared."""
    tell(session, place, tmp_path, "\n".join(f"S{n:02d},{DAY},0,0,declared" for n in range(1, 9)))
    figure = ask(session, "value_share")
    assert (figure.value, figure.status, figure.reason) == (None, "insufficient", "figure.no_sales")


def test_the_share_is_hidden_where_one_of_its_reporters_could_be_told(
    books: Store, session: Session, place: Market, tmp_path: Path
) -> None:
    """Many stalls sell cashless, so that the level is shown; but of those that declare, one has nearly all."""
    sell(books, dict.fromkeys(range(1, 21), 50_000))
    cash = dict.fromkeys(range(1, 9), 10_000) | {1: 90_000_000}
    tell(session, place, tmp_path, "\n".join(f"S{n:02d},{DAY},{each},,declared" for n, each in cash.items()))
    assert ask(session, "cashless_value", audience="public").value == 1_000_000
    assert ask(session, "value_share").value is not None
    figure = ask(session, "value_share", audience="public")
    assert (figure.value, figure.low, figure.numerator, figure.status) == (None, None, None, "suppressed")
    assert (figure.n, figure.N, figure.population) == (8, 20, "connected stalls")


def test_the_table_shows_the_interval_with_the_share(
    books: Store, session: Session, test_settings: Settings, place: Market, tmp_path: Path
) -> None:
    worked(books, session, place, tmp_path)
    words = ("rates", "--area", AREA, "--period", DAY, "--audience", "internal")
    assert "36.7% (26.4%–47.0%)" in run(test_settings, *words).out
    header, *rows = run(test_settings, *words, "--format", "csv").out.splitlines()
    (row,) = [each for each in rows if ",value_share," in each]
    assert len(row.split(",")) == len(header.split(",")) and "population" in header


# --- verified on site


def inspect(session: Session, found: Market, stalls: list[str], genuine: int) -> None:
    """The first so many are found genuine, the others foreign."""
    rows = [
        {
            "market": found.key,
            "stall": stall,
            "moment": datetime(2026, 10, 5, 3, tzinfo=UTC),
            "verdict": "genuine" if at < genuine else "foreign",
        }
        for at, stall in enumerate(stalls)
    ]
    statement = text("""
        INSERT INTO inspection (market_id, stall_id, inspected_at, inspected_on, inspected_by, verdict, reason, differs)
        SELECT :market, id, :moment, '2026-10-05', 'helper', :verdict, '-', '{}' FROM stall
        WHERE market_id = :market AND number = :stall
    """)
    for row in rows:
        session.execute(statement, row)
    session.commit()


def test_verified_acceptance_is_told_from_drawn_stalls_with_its_bounds(session: Session, place: Market) -> None:
    drawn = sample.draw(session, place, "2026-10", 8, "7", by="board", as_of=NOVEMBER)
    others = [stall for stall in drawn.frame if stall not in drawn.drawn]
    inspect(session, place, others, 0)
    missing = ask(session, "verified_acceptance")
    assert (missing.value, missing.reason) == (None, "figure.no_inspections"), "picked, not drawn"
    inspect(session, place, drawn.drawn[:4], 4)
    assert ask(session, "verified_acceptance").reason == "share.too_few"
    inspect(session, place, drawn.drawn[4:], 2)
    figure = ask(session, "verified_acceptance")
    assert (figure.value, figure.numerator, figure.denominator, figure.n, figure.N) == (0.75, 6, 8, 8, 20)
    assert (figure.low, figure.high) == pytest.approx(wilson(0.75, 8 * 19 / 12))
    assert (figure.least, figure.most) == (6 / 20, 18 / 20)
    assert (figure.sources, figure.method, figure.because()) == (("inspections",), "drawn sample", None)
    inspect(session, place, drawn.drawn[-1:], 1)
    assert ask(session, "verified_acceptance").numerator == 7, "the last look counts"


def test_over_several_markets_each_weighs_as_much_as_it_has_stalls(session: Session) -> None:
    for name, stalls, size, genuine in (("cho-a", 30, 6, 3), ("cho-b", 10, 5, 5), ("cho-c", 10, 1, 1)):
        found = build(session, name=name, stalls=stalls)
        drawn = sample.draw(session, found, "2026-10", size, "7", by="board", as_of=NOVEMBER)
        inspect(session, found, drawn.drawn, genuine)
    figure = ask(session, "verified_acceptance", area=f"ward:{VUNG_TAU}")
    p = 0.75 * 0.5 + 0.25
    v = 0.75**2 * (1 - 6 / 30) * 0.25 / 5
    assert figure.value == pytest.approx(p)
    assert (figure.low, figure.high) == pytest.approx(wilson(p, p * (1 - p) / v))
    assert (figure.numerator, figure.n, figure.N) == (8, 11, 50)
    assert figure.because() == "markets with one inspection or none, left out: cho-c"
    assert (figure.least, figure.most) == (8 / 50, 47 / 50)


def test_the_page_shows_volunteers_interval_as_what_it_is(
    books: Store, session: Session, place: Market, client: TestClient, tmp_path: Path
) -> None:
    sell(books, {n: 100_000 + n for n in range(1, 21)})
    tell(session, place, tmp_path, "\n".join(f"S{n:02d},{DAY},{90_000 + 5_000 * n},,declared" for n in range(1, 15)))
    told = " ".join(client.get("/markets/cho-a?period=2026-10-05&lang=en").text.split())
    assert "if volunteers were typical" in told and "small sample: interval approximate" in told
    assert "interval 4" not in told and "margin of error" not in told
    assert "nếu các sạp tự nguyện" in client.get("/markets/cho-a?period=2026-10-05&lang=vi").text
