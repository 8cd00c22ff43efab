"""The demo: made up, marked as made up, the same all day, and told through the doors that real payments use."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlmodel import select
from starlette.testclient import TestClient

from ground import clock, embedded, store
from ground.refusal import Refusal
from ground.settings import Settings, secret_values
from ground.store import Store
from main import House
from merchants import bank, claim, roll_file, token
from merchants.application import Application
from payments import finding, indicator, published, replay, verify
from payments.demo import board, commands, feed, habit, history, morning, oddity, registry, roll, sheet, till
from payments.demo.feed import Payment
from payments.demo.history import Telling
from payments.demo.morning import Payers
from payments.demo.till import Till

START = date(2026, 8, 22)
PAYMENTS = 3_000
MARKETS = {each.code for each in board.boards()}


@pytest.fixture(scope="module")
def demo_settings(settings: Settings) -> Settings:
    return commands.settings(settings)


@pytest.fixture(scope="module")
def demo(demo_settings: Settings) -> Iterator[Store]:
    """The demo as `main.py demo` fills it, with fewer payments."""
    commands.fill(demo_settings, payments=PAYMENTS)
    books = store.open_store(demo_settings)
    yield books
    books.engine.dispose()


@pytest.fixture
def tills(demo: Store) -> list[Till]:
    with demo.session() as session:
        return till.every(session)


def count(books: Store, table: str, where: str = "true") -> int:
    with books.engine.connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table} WHERE {where}")).scalar_one())


def figure(books: Store, area: str, period: str, name: str) -> dict[str, Any]:
    with books.session() as session:
        rated = indicator.shown(indicator.rates(session, area, period, audience="internal"))
    return next(each for each in rated["figures"] if each["indicator"] == name)


# --- the boards and their files


@pytest.mark.parametrize("each", board.boards(), ids=lambda each: each.code)
def test_every_roll_file_reads_back_as_its_board_meant_it(each: board.Board, tmp_path: Path) -> None:
    places = roll.places(each, START)
    last = len(each.waves) - 1
    for wave in (0, last):
        lines = roll.lines(each, places, wave, START)
        file = tmp_path / f"{wave}.xlsx"
        sheet.write(file, each, lines, wave, roll.wave_day(each, wave, START))
        read = roll_file.read_roll(file)
        assert not read.errors
        assert len(read.rows) == sum(section.stalls for section in each.sections)
        for row, line in zip(read.rows, lines, strict=True):
            assert (row.stall, row.section, row.goods, row.status) == line[:4]
            assert row.since == line.since
            if line.status in ("trading", "suspended"):
                assert (row.merchant, row.phone, row.account, row.account_name) == (*line[5:7], *line[8:10])
                assert row.virtual_account == line.virtual_account
                assert bank.by_bin(row.bin).key == line.bank if row.bin else line.bank is None


def test_cho_vung_tau_has_1685_stalls_of_which_about_500_trade() -> None:
    each = board.board_of("cho-vung-tau")
    lines = roll.lines(each, roll.places(each, START), 0, START)
    assert len(lines) == 1685
    assert 450 <= sum(line.status == "trading" for line in lines) <= 550


def test_the_same_day_gives_the_same_rolls_and_another_day_others() -> None:
    each = board.board_of("pho-hai-san")
    assert roll.places(each, START) == roll.places(each, START)
    assert roll.places(each, START) != roll.places(each, START + timedelta(days=1))


def test_nothing_of_the_demo_can_be_taken_for_real() -> None:
    for each in board.boards():
        assert each.name.endswith("(mẫu)")
        for place in roll.places(each, START):
            if place.owner is not None:
                assert place.owner.name.endswith("(mẫu)")
                assert place.owner.phone.startswith("053")
                assert all(number.startswith("MAU") for _, number in place.owner.accounts)
            assert place.virtual_account is None or place.virtual_account.startswith("VAMAU")


def test_a_memo_holds_its_token_or_none() -> None:
    random = Random(7)
    found = []
    for _ in range(2_000):
        drawn = token.draw(random)
        found.append(token.find(feed.memo(random, drawn)))
        assert found[-1] in ([], [drawn])
    assert 0.95 < sum(map(bool, found)) / len(found) < 0.99


# --- the filled books


def test_the_demo_has_books_of_its_own(demo: Store, settings: Settings) -> None:
    usual = store.open_store(settings)
    assert count(usual, "market") == 0
    usual.engine.dispose()
    assert count(demo, "market", "made_up") == len(MARKETS)
    assert count(demo, "stall") == sum(section.stalls for each in board.boards() for section in each.sections)


def test_the_filled_books_prove_themselves(demo: Store) -> None:
    proven = verify.verify(demo)
    assert proven.ok, proven.differences
    assert abs(proven.entries - PAYMENTS) < 300


def test_the_three_months_end_yesterday(demo: Store) -> None:
    with demo.engine.connect() as connection:
        first, last = connection.execute(text("SELECT min(business_date), max(business_date) FROM stall_day")).one()
    assert last == clock.today() - timedelta(days=1)
    assert 85 <= (last - first).days < commands.DAYS


def test_telling_everything_again_changes_nothing(demo: Store) -> None:
    before = count(demo, "entry"), count(demo, "finding")
    done = replay.replay(demo, everything=True)
    assert (done.new, done.posted) == (0, 0)
    assert (count(demo, "entry"), count(demo, "finding")) == before


def test_acceptance_grows_and_use_stays_below_it(demo: Store) -> None:
    today = clock.today()
    days = [today - timedelta(days=nth) for nth in (85, 50, 3)]
    for market in MARKETS:
        shares = [figure(demo, f"market:{market}", day.isoformat(), "acceptance")["value"] for day in days]
        assert shares == sorted(shares) and shares[0] < shares[-1]
        month = f"{days[-1]:%Y-%m}"
        accepting = figure(demo, f"market:{market}", month, "acceptance")["value"]
        assert figure(demo, f"market:{market}", month, "active_use")["value"] < accepting


def test_one_market_lags(demo: Store) -> None:
    yesterday = (clock.today() - timedelta(days=1)).isoformat()
    share = {code: figure(demo, f"market:{code}", yesterday, "acceptance")["value"] for code in MARKETS}
    assert share.pop("cho-thang-nhat") < 0.3 < 0.5 < min(share.values())


def test_the_markets_go_through_the_reform(demo: Store) -> None:
    before = figure(demo, "ward:26512", "2025-05", "onboarded")
    after = figure(demo, "ward:26506", "2025-08", "onboarded")
    assert 0 < before["N"] < after["N"]  # Phường Vũng Tàu took over Phường 2 with its street as well


def test_placards_are_lost_and_hung_anew(demo: Store) -> None:
    assert count(demo, "code", "revoked_on IS NOT NULL") > 0
    assert count(demo, "code a JOIN code b USING (stall_id)", "a.revoked_on <= b.live_from AND a.id < b.id") > 0


def test_last_month_is_sealed_and_one_market_final_by_its_banks_word(demo: Store) -> None:
    month = (clock.today().replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
    with demo.session() as session:
        told = published.rates(session, "market:pho-hai-san", month, audience="internal")
        figures = {each.indicator: each for each in told.whole.figures}
        assert told.revision == 1 and figures["cashless_value"].status == "final"
        assert (figures["reconciled_share"].value or 0) > 0.99
        assert published.rates(session, "ward:26506", month).revision == 1
        kinds = {row["kind"] for row in finding.every(session, market="pho-hai-san")}
        assert kinds & {"not_in_statement", "not_notified"}


DRAWN_BY_NONE = """NOT EXISTS (SELECT FROM sample WHERE inspection.stall_id = ANY(sample.stall_ids)
    AND inspected_on BETWEEN sample.first AND sample.last)"""


def test_helpers_went_their_rounds_and_found_what_was_forged(demo: Store) -> None:
    assert count(demo, "inspection", "verdict = 'genuine'") > 3
    assert count(demo, "inspection", "verdict = 'foreign' AND settled_at IS NULL") > 0
    assert count(demo, "inspection", "verdict = 'foreign' AND settled_at IS NOT NULL") > 0
    assert count(demo, "inspection", DRAWN_BY_NONE) == 0
    assert count(demo, "inspection", "inspected_at > now()") == 0


def test_newcomers_wait_for_the_first_board_and_one_asks_for_a_stall_that_somebody_has(demo: Store) -> None:
    with demo.session() as session:
        asked = session.exec(select(Application).where(Application.state == "submitted")).all()
        relations = [claim.look_into(session, each, clock.today()).relation for each in asked]
    assert sorted(relations) == ["free", "other"]
    assert count(demo, "application", "state = 'returned'") == 1
    assert count(demo, "application", "account NOT LIKE 'MAU%'") == 0


def test_todays_demo_is_kept_as_it_is(demo: Store, demo_settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    before = count(demo, "notice")
    commands.fill(demo_settings)
    assert count(demo, "notice") == before
    assert "there already" in capsys.readouterr().out


def test_books_in_use_are_not_thrown_away(demo: Store, demo_settings: Settings) -> None:
    with psycopg.connect(demo.url), pytest.raises(Refusal) as refused:
        demo.engine.dispose()
        store.recreate(demo_settings)
    assert (refused.value.code, refused.value.status) == ("demo.in_use", 409)
    assert "demo" in refused.value.message("vi")


def test_half_a_demo_is_begun_anew(test_settings: Settings) -> None:
    """On a server, where the demo's database stands beside the usual one."""
    half = commands.settings(test_settings)
    books = store.recreate(half)
    with books.session() as session:
        registry.open_markets(session, START, half.data_dir / "half", lambda: None, board.boards()[2:3])
    books.engine.dispose()
    assert not commands.is_filled(half, clock.today())
    anew = store.recreate(half)
    assert count(anew, "market") == 0
    anew.engine.dispose()
    with embedded_admin(half) as admin:
        admin.execute(f'DROP DATABASE "{anew.url.rpartition("/")[2].partition("?")[0]}"')


def embedded_admin(settings: Settings) -> "psycopg.Connection[Any]":
    return psycopg.connect(embedded.attach(settings.data_dir).url("postgres"), autocommit=True)


# --- what is odd


def enter(books: Store, tills: list[Till], id: int, odd: Any) -> list[dict[str, Any]]:
    """The findings of one odd payment."""
    at = next(each for each in tills if each.is_live_on(clock.today()) and not each.virtual_account)
    payment = Payment(id, clock.now(), 120_000, at)
    body = odd(Random(1), payment, [each for each in tills if each.stall_id != at.stall_id])
    history.keep_and_post(books, [Telling(payment, clock.now(), body)], lambda _: None)
    with books.session() as session:
        return [row for row in finding.every(session) if row["external_id"] == str(id)]


@pytest.mark.parametrize(
    ("odd", "kind"),
    [
        (oddity.to_nobody, "unknown_account"),
        (oddity.unbelievable, "implausible"),
        (oddity.outgoing, None),
    ],
)
def test_what_is_odd_becomes_the_finding_it_should(demo: Store, tills: list[Till], odd: Any, kind: str | None) -> None:
    opened = enter(demo, tills, 10_000_000 + list(oddity.ODDITIES).index(odd), odd)
    assert [row["kind"] for row in opened] == ([kind] if kind else [])


def test_counts_follow_their_mean() -> None:
    random = Random(3)
    for mean in (0.05, 2.5, 20.0):
        drawn = [habit.draw_count(random, mean) for _ in range(4_000)]
        assert abs(sum(drawn) / len(drawn) - mean) < 5 * (mean / len(drawn)) ** 0.5


# --- the morning


def test_a_secret_is_drawn_only_where_none_is_set(settings: Settings) -> None:
    assert commands.settings(settings).sepay_hmac_secret == settings.sepay_hmac_secret
    bare = settings.model_copy(update={"sepay_api_key": None, "sepay_hmac_secret": None})
    drawn = [secret_values(commands.settings(bare).sepay_hmac_secret) for _ in range(2)]
    assert drawn[0] and drawn[0] != drawn[1]
    assert commands.settings(bare).demo and not bare.demo


def test_a_morning_goes_through_the_servers_own_door(demo: Store, tills: list[Till]) -> None:
    random = Random(11)
    payers = Payers(tills, random)
    before = count(demo, "notice")
    with TestClient(House(demo)) as client:
        scenes = [morning.send(client, payers.draw(), demo.settings, "", random) for _ in range(60)]
    assert len({scene.kind for scene in scenes}) > 3
    told_otherwise = sum(scene.kind == "otherwise" for scene in scenes)
    assert count(demo, "notice") == before + len(scenes) + told_otherwise
    assert count(demo, "notice", "handled_at IS NULL") == 0
    assert verify.verify(demo).ok


def test_a_server_that_is_away_is_waited_for(demo_settings: Settings, tills: list[Till]) -> None:
    heard = []
    random = Random(5)
    morning.live_through(
        Payers(tills, random),
        demo_settings,
        "http://127.0.0.1:9",
        lambda key, **_: heard.append(key),
        random,
        lasts=0.2,
    )
    assert heard == ["demo.morning.away"]
