"""The board's page through its door: states that are true, a funnel that equals the figures, and nobody's takings."""

import csv
import io
import re
from datetime import date, timedelta
from html import unescape
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session

from ground import clock, words
from ground.clock import today
from ground.store import Store
from merchants import code, inspection, market, roll, roll_layout
from payments import activity, board_sheet, funnel, indicator, sample
from payments.activity import QUIET_DAYS
from tests.cast import Browser, Cast
from tests.world import Street, import_roll, keep, post, told

ROOT = "/board/cho-a"
ACCOUNTS: dict[str, dict[str, Any]] = {
    "A1": {"account": "1000001"},
    "A2": {"account": "1000002"},
    "C1": {"account": "1000005", "gateway": "BIDV", "virtual": "VA0005"},
}
PAGES = (
    ROOT,
    f"{ROOT}?period=2026",
    f"{ROOT}/stalls",
    f"{ROOT}/stalls?section=A",
    f"{ROOT}/stalls?state=in_use",
    f"{ROOT}/stalls?state=idle",
    f"{ROOT}/stalls.csv",
    f"{ROOT}/stalls.xlsx",
    f"{ROOT}/funnel.csv",
    f"{ROOT}/funnel.xlsx",
)


def pay(books: Store, *payments: tuple[int, str, int, date]) -> None:
    """Payments as (id, stall, amount, day)."""
    keep(books, [told(id_, amount, at=f"{day} 00:00:01", **ACCOUNTS[stall]) for id_, stall, amount, day in payments])
    post(books)


def read(browser: Browser, path: str) -> str:
    """What a person reads, spaces as one."""
    answer = browser.get(path)
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.text))).strip()


def states(session: Session, street: Street, day: date | None = None) -> dict[str, tuple[str, date | None]]:
    return {each.number: (each.state, each.since) for each in activity.read(session, street.market, day or today())}


def test_every_stall_is_in_its_state_and_quiet_since_its_last_payment(
    books: Store, session: Session, street: Street
) -> None:
    last = today() - timedelta(days=QUIET_DAYS)
    pay(books, (1, "A1", 20_000, today()), (2, "A2", 20_000, last), (3, "A2", 20_000, last - timedelta(days=9)))
    import_roll(session, street.market, "F1;F;Mía;Chị Mười;;;;VCB;1000009;;\nG1;G;Mía;Chị Út;;tạm nghỉ;;;;;")
    assert states(session, street) == {
        "A1": ("in_use", None),
        "A2": ("quiet", last),
        "B1": ("unused", date(2026, 1, 1)),
        "B2": ("unused", date(2026, 1, 1)),
        "C1": ("unused", date(2026, 1, 1)),
        "D1": ("unregistered", None),
        "E1": ("vacant", None),
        "F1": ("no_code", None),
        "G1": ("suspended", None),
    }
    code.issue(session, street.market)
    assert states(session, street)["F1"] == ("fresh", today())
    assert states(session, street, last)["A2"] == ("in_use", None)  # as of that day


def test_a_new_merchant_does_not_inherit_what_was_paid_to_the_one_before(
    books: Store, session: Session, street: Street
) -> None:
    pay(books, (1, "A1", 20_000, today()))
    import_roll(session, street.market, f"A1;A;Rau;Anh Mới;0912999999;;{today():%d/%m/%Y};VCB;1000077;;")
    assert states(session, street)["A1"][0] == "in_use"  # the old code still hangs there
    code.revoke(session, street.codes["A1"]["serial"], reason="handed on", on=today())
    assert states(session, street)["A1"][0] == "no_code"
    code.issue(session, street.market, since=today() + timedelta(days=1))
    assert states(session, street, today() + timedelta(days=1))["A1"] == (
        "fresh",
        today() + timedelta(days=1),
    )


def test_a_payment_that_was_taken_back_is_no_use(books: Store, session: Session, street: Street) -> None:
    pay(books, (1, "A1", 20_000, today()))
    session.execute(text("UPDATE stall_day SET sales_value = 0, sales_count = 0"))  # as a reversal leaves it
    assert states(session, street)["A1"][0] == "unused"


def test_activity_on_any_day_is_what_the_journal_says(books: Store, session: Session, street: Street) -> None:
    """An oracle in plain Python, over random payments and codes that were lost and issued anew."""
    random = Random(7)
    for number in range(1, 61):
        stall = random.choice(list(ACCOUNTS))
        pay(books, (number, stall, 1000 * random.randint(1, 900), date(2026, 1, 2) + timedelta(random.randrange(300))))
    for stall in ("A1", "C1"):
        lost = date(2026, 5, 1) + timedelta(random.randrange(60))
        code.revoke(session, street.codes[stall]["serial"], reason="lost", on=lost)
        code.issue(session, street.market, since=lost + timedelta(random.randrange(30)))
    session.commit()
    codes, sales = _codes(session), _sales(session)
    for _ in range(40):
        day = date(2026, 1, 2) + timedelta(random.randrange(320))
        found = states(session, street, day)
        for stall in ACCOUNTS:
            assert found[stall] == _expected(codes[stall], sales.get(stall, []), day), (stall, day)


def _codes(session: Session) -> dict[str, list[tuple[date, date | None]]]:
    found: dict[str, list[tuple[date, date | None]]] = {}
    for number, *days in session.execute(
        text("SELECT s.number, c.live_from, c.revoked_on FROM code c JOIN stall s ON s.id = c.stall_id")
    ):
        found.setdefault(number, []).append((days[0], days[1]))
    return found


def _sales(session: Session) -> dict[str, list[date]]:
    found: dict[str, list[date]] = {}
    for number, day in session.execute(
        text("SELECT s.number, e.business_date FROM entry e JOIN stall s ON 'stall:' || s.id = e.credit")
    ):
        found.setdefault(number, []).append(day)
    return found


def _expected(codes: list[tuple[date, date | None]], sales: list[date], day: date) -> tuple[str, date | None]:
    if not any(until is None or until > day for _, until in codes):
        return "no_code", None
    begun = min(since for since, _ in codes)
    paid = [each for each in sales if begun <= each <= day]
    if not paid:
        return ("fresh" if (day - begun).days < QUIET_DAYS else "unused"), begun
    return ("in_use", None) if (day - max(paid)).days < QUIET_DAYS else ("quiet", max(paid))


def test_the_funnel_is_what_the_figures_of_the_same_period_say(books: Store, session: Session, street: Street) -> None:
    pay(books, *((number, "A1", 20_000, date(2026, 10, 4 + number)) for number in range(1, 7)))
    pay(books, (9, "C1", 20_000, date(2026, 10, 31)))
    code.revoke(session, street.codes["B1"]["serial"], reason="lost", on=date(2026, 10, 20))
    for period in ("2026-10-31", "2026-W44", "2026-10", "2026-Q4", "2026", f"{today():%Y-%m}"):
        moment = clock.now()
        rated = indicator.rates(session, "market:cho-a", period, audience="board", as_of=moment)
        figures = {each.indicator: each.numerator for each in rated.whole.figures}
        steps = {step.key: step.stalls for step in funnel.read(session, street.market, period, moment).steps}
        assert steps.pop("stalls") == 7 and steps.pop("trading") == rated.whole.figures[0].N == 6
        assert steps == {
            "registered": figures["onboarded"],
            "code": figures["acceptance"],
            "in_use": figures["active_use"],
        }, period


def test_the_page_tells_what_waits_in_words(cast: Cast, books: Store, session: Session) -> None:
    pay(books, (1, "A1", 20_000, today()), (2, "A2", 20_000, today() - timedelta(days=40)))
    keep(books, [told(3, 30_000, account="1000003", at=f"{today()} 00:00:01")])
    post(books)
    drawn = sample.draw(session, cast.street.market, f"{today():%Y-%m}", 3, "lot", by="test")
    session.commit()
    said = read(cast.sign_in("board"), ROOT)
    for key, number in (
        ("applications", 0),
        ("findings", 1),
        ("strange", 0),
        ("placards", 5),
        ("idle", 4),
        ("no_code", 0),
    ):
        assert f"{number} {words.say(f'board.task.{key}')}" in said
    assert words.say("board.since.quiet", day=f"{today() - timedelta(days=40):%d/%m/%Y}") in said
    assert words.say("board.round", period=drawn.period, size=3, inspected=0, observed=0) in said
    assert inspection.latest(session, cast.street.market) == [] and words.say("rounds.nothing") in said
    html = cast.sign_in("board").get(ROOT).text
    assert html.count('<path class="solid in_use"') == 1 and "Cô Ba" not in said  # she is in use: nobody need ask


def test_whoever_oversees_a_board_sees_the_funnel_and_no_stall(cast: Cast, books: Store) -> None:
    pay(books, (1, "A1", 20_000, today()), (2, "A2", 20_000, today() - timedelta(days=40)))
    for who in ("ward", "province"):
        said = read(cast.sign_in(who), ROOT)
        assert words.say("board.step.registered") in said
        for secret in ("Chú Tư", "0912000002", words.say("board.plan"), words.say("board.tasks"), "A2"):
            assert secret not in said
        assert cast.sign_in(who).get(f"{ROOT}/funnel.csv").status_code == 200


def test_a_list_can_be_narrowed_and_turned(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = cast.sign_in("board")
    assert read(browser, f"{ROOT}/stalls?section=B").count("chưa dùng lần nào") >= 2
    assert "Cô Ba" not in read(browser, f"{ROOT}/stalls?section=B")
    monkeypatch.setattr("portal.board.PAGE_STALLS", 2)
    seen = [re.findall(r"<li><b>(\w+)</b>", browser.get(f"{ROOT}/stalls?page={page}").text) for page in range(1, 6)]
    assert seen == [["A1", "A2"], ["B1", "B2"], ["C1", "D1"], ["E1"], []]
    assert 'href="?section=A&amp;page=2"' not in browser.get(f"{ROOT}/stalls?section=A").text


def test_a_market_without_a_roll_has_a_page_too(cast: Cast, session: Session) -> None:
    market.add(session, "cho-moi", "Chợ Mới", "26506", since=today())
    session.commit()
    said = read(cast.sign_in("operator"), "/board/cho-moi")
    assert words.say("board.no_stalls") in said and words.say("board.idle", count=0) in said
    for path in ("stalls", "stalls?section=%00&state=nonsense&page=9", "stalls.xlsx", "funnel.csv?period=2026-10"):
        assert cast.sign_in("operator").get(f"/board/cho-moi/{path}").status_code == 200


def contents(browser: Browser) -> dict[str, tuple[bytes, dict[str, str]]]:
    """Every page and file with its headers, but for what is drawn anew for each answer."""
    found = {}
    for path in PAGES:
        answer = browser.get(path)
        assert answer.status_code == 200
        drawn = re.sub(rb'name="token" value="[0-9a-f]+"', b"", answer.content)
        found[path] = drawn, {name: value for name, value in answer.headers.items() if name != "content-length"}
    return found


def test_takings_change_no_byte_of_any_page_or_file(cast: Cast, books: Store) -> None:
    """Two worlds that differ in what one stall took and how often, and not in whether it is in use."""
    quiet = today() - timedelta(days=60)
    six = [(number, "A1", 20_000, today()) for number in range(1, 7)]
    pay(books, *six, (10, "A2", 20_000, quiet), (11, "C1", 20_000, today()))
    browser = cast.sign_in("board")
    browser.get(ROOT)
    few = contents(browser)
    pay(
        books,
        *((100 + number, "A1", 900_000_000, today()) for number in range(30)),
        (200, "A2", 7_654_321, quiet),
        (201, "A2", 5_000, quiet - timedelta(days=3)),
    )
    assert contents(browser) == few
    pay(books, (300, "A2", 5_000, today() - timedelta(days=30)))  # it can fail: this is activity, and is told
    changed = contents(browser)
    assert {path for path in PAGES if changed[path] != few[path]} >= {ROOT, f"{ROOT}/stalls", f"{ROOT}/stalls.csv"}


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_an_exported_roll_can_be_taken_in_again_and_changes_nothing(
    session: Session, street: Street, tmp_path: Path, ending: str, language: str
) -> None:
    assert not import_roll(session, street.market, "F1;F;@Mía;+Anh Ba;;tạm nghỉ;;;;;").errors
    places = activity.read(session, street.market, today())
    table = board_sheet.roll(places, language)
    assert [roll_layout.recognise(str(heading)) for heading in table.rows[0][6:]] == [frozenset()] * 3
    file = tmp_path / f"roll.{ending}"
    file.write_bytes(board_sheet.write(table, ending, today()))
    done = roll.take_in(session, street.market, file)
    assert (done.errors, done.rows, done.unchanged) == ((), 8, 8)


def test_a_csv_holds_no_formula_and_no_bank_account(cast: Cast, session: Session) -> None:
    import_roll(session, cast.street.market, "F1;F;@Mía;+Anh Ba;;tạm nghỉ;;;;;")
    session.commit()
    answer = cast.sign_in("board").get(f"{ROOT}/stalls.csv?lang=en")
    assert answer.headers["content-disposition"] == f'attachment; filename="stalls-cho-a-{today()}.csv"'
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0][:6] == ["Stall", "Section", "Goods", "Merchant", "Phone", "Status"]
    assert rows[0][6:] == ["QR code", "Use of the code", "Last payment or code since"]
    serial = cast.street.codes["A1"]["serial"]
    assert rows[1] == ["A1", "A", "Rau", "Cô Ba", "0912000001", "Trading", serial, "never used", "01/01/2026"]
    assert ["F1", "F", "'@Mía", "'+Anh Ba", "", "Suspended", "", "suspended", ""] in rows
    assert "1000001" not in answer.text and "VA0005" not in answer.text


def test_another_ending_is_refused(cast: Cast) -> None:
    assert cast.sign_in("board").get(f"{ROOT}/stalls.pdf").status_code == 404
    assert cast.sign_in("board").get(f"{ROOT}/funnel.docx").status_code == 404
