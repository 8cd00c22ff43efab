"""Sealing as the operator and the readers meet it: figures that stay, revisions that say what moved and why."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session
from starlette.testclient import TestClient

from ground import audit, clock
from ground.settings import Settings
from ground.store import Store
from merchants import inspection, market
from merchants.genuine import Verdict
from payments import cash_report, published, restatement, sample, tally
from tests import shell
from tests.world import Street, import_roll, keep, post, told

WARD, MARKET, PERIOD = "ward:26506", "market:cho-a", "2026-10"


def sell(books: Store, *numbers: int, amount: int = 100_000, account: str = "1000001", day: str = "2026-10-05") -> None:
    keep(books, [told(number, amount, account=account, at=f"{day} 08:00:00") for number in numbers])
    post(books)


def seal(settings: Settings, area: str = WARD, period: str = PERIOD) -> Any:
    answer = shell.run(settings, "seal", "--area", area, "--period", period, "--format", "json")
    assert answer.code == 0, answer.err
    return answer.document


def rates(settings: Settings, *more: str, area: str = WARD) -> Any:
    words = ("rates", "--area", area, "--period", PERIOD, "--audience", "internal", "--format", "json", *more)
    return shell.run(settings, *words).document


def value(document: Any, indicator: str = "cashless_value") -> Any:
    return next(each["value"] for each in document["figures"] if each["indicator"] == indicator)


def verify(settings: Settings) -> Any:
    return shell.run(settings, "verify", "--format", "json").document


def test_sealed_figures_stay_while_the_books_go_on(books: Store, street: Street, test_settings: Settings) -> None:
    sell(books, 1)
    first = seal(test_settings)
    assert (first["revision"], first["previous"], first["changes"]) == (1, None, [])
    sell(books, 2, amount=50_000)
    sealed, live = rates(test_settings), rates(test_settings, "--live")
    assert (sealed["revision"], sealed["sha256"], value(sealed)) == (1, first["sha256"], 100_000)
    assert (live["revision"], value(live)) == (None, 150_000)
    assert [part["area"] for part in sealed["parts"]] == [MARKET]
    assert value(sealed["parts"][0]) == 100_000
    done = verify(test_settings)
    assert (done["ok"], done["seals"], done["differences"]) == (True, 1, [])


def test_a_late_notice_gives_the_next_revision(books: Store, street: Street, test_settings: Settings) -> None:
    sell(books, 1)
    first = seal(test_settings)
    sell(books, 2, amount=50_000)
    second = seal(test_settings)
    assert (second["revision"], second["previous"]) == (2, first["sha256"])
    moved = {each["indicator"]: each for each in second["changes"]}
    assert (moved["cashless_value"]["was"], moved["cashless_value"]["is"]) == (100_000, 150_000)
    assert {each["why"] for each in second["changes"]} == {"late notice"}
    assert set(moved) == {"cashless_value", "cashless_count", "reconciled_share"}
    assert value(rates(test_settings)) == 150_000
    assert verify(test_settings)["ok"]


def test_nothing_changed_is_said_and_makes_no_revision(books: Store, street: Street, test_settings: Settings) -> None:
    sell(books, 1)
    first = seal(test_settings)
    again = shell.run(test_settings, "seal", "--area", WARD, "--period", PERIOD, "--format", "json")
    assert again.code == 0 and "Nothing has changed since revision 1" in again.err
    assert (again.document["revision"], again.document["sha256"], again.document["new"]) == (1, first["sha256"], False)
    assert verify(test_settings)["seals"] == 1


def test_what_is_kept_is_posted_before_the_seal(books: Store, street: Street, test_settings: Settings) -> None:
    keep(books, [told(1, 70_000)])
    seal(test_settings)
    assert value(rates(test_settings)) == 70_000


def test_only_a_finished_period_is_sealed(books: Store, street: Street, test_settings: Settings) -> None:
    for area, period, said in (
        (WARD, "2100", "has not begun"),
        (WARD, "2026-13", "2026-13"),
        ("ward:00000", PERIOD, "00000"),
        ("market:nobody", PERIOD, "nobody"),
    ):
        answer = shell.run(test_settings, "seal", "--area", area, "--period", period)
        assert answer.code == 1 and said in answer.err, answer.err
    unfinished = shell.run(test_settings, "seal", "--area", WARD, "--period", str(clock.today().year))
    assert unfinished.code == 1 and "not over yet" in unfinished.err
    assert verify(test_settings)["seals"] == 0


def test_a_change_of_the_roll_is_named(books: Store, session: Session, street: Street, test_settings: Settings) -> None:
    sell(books, 1)
    seal(test_settings)
    import_roll(session, street.market, "F1;F;Gà;Cô Tám;0912000009;;01/10/2026;VCB;1000009;LE THI TAM;")
    session.commit()
    second = seal(test_settings)
    assert {each["why"] for each in second["changes"]} == {"roll change"}
    onboarded = next(each for each in second["changes"] if each["indicator"] == "onboarded")
    assert (onboarded["was"], onboarded["is"]) == (5 / 6, 6 / 7)
    assert verify(test_settings)["ok"]


def test_what_happens_after_the_period_is_no_change(
    books: Store, session: Session, street: Street, test_settings: Settings
) -> None:
    sell(books, 1)
    seal(test_settings)
    sell(books, 2, day="2026-11-02")
    import_roll(session, street.market, "A1;A;Rau;Cô Ba;0912000001;closed;05/11/2026;;;;")
    session.commit()
    assert seal(test_settings)["new"] is False


def test_a_report_that_comes_late_is_named(
    books: Store, street: Street, test_settings: Settings, tmp_path: Path
) -> None:
    sell(books, *range(1, 6))
    for number, account in enumerate(("1000002", "1000003"), 10):
        sell(books, number, account=account)
    seal(test_settings)
    file = tmp_path / "cash.csv"
    file.write_text("stall,date,amount,count,source\nA1,2026-10-05,50000,2,declared\n", "utf-8")
    assert shell.run(test_settings, "cash", "import", file, "--market", "cho-a").code == 0
    second = seal(test_settings)
    assert {each["indicator"]: each["why"] for each in second["changes"]} == {
        "value_share": "late report",
        "count_share": "late report",
    }
    assert verify(test_settings)["ok"]


def test_every_seal_is_in_the_audit(books: Store, session: Session, street: Street, test_settings: Settings) -> None:
    done = seal(test_settings)
    (record,) = audit.latest(session, 1, WARD)
    assert (record.what, record.after) == (
        "seal",
        {"period": PERIOD, "revision": 1, "number": 1, "sha256": done["sha256"]},
    )


def test_the_doors_show_the_last_revision(
    books: Store, street: Street, test_settings: Settings, client: TestClient
) -> None:
    seal(test_settings)
    asked = {"area": WARD, "period": PERIOD}
    assert client.get("/api/v1/rates", params=asked).json()["revision"] == 1
    assert client.get("/api/v1/rates", params={**asked, "live": "true"}).json()["revision"] is None
    assert client.get("/api/v1/rates", params={**asked, "area": MARKET}).json()["revision"] is None


def test_the_chain_runs_through_all_areas(
    books: Store, session: Session, street: Street, test_settings: Settings
) -> None:
    market.add(session, "cho-b", "Chợ B", "26506", since=street.market.since)
    session.commit()
    first, second = seal(test_settings, MARKET), seal(test_settings, "market:cho-b")
    third = seal(test_settings, "province:79")
    assert (second["previous"], third["previous"]) == (first["sha256"], second["sha256"])
    assert verify(test_settings)["seals"] == 3


def test_a_market_page_shows_its_own_seal(
    books: Store, street: Street, test_settings: Settings, client: TestClient
) -> None:
    page = f"/markets/cho-a?period={PERIOD}&language=en"
    seal(test_settings)
    assert "SHA-256" not in client.get(page).text
    done = seal(test_settings, MARKET)
    assert done["sha256"] in client.get(page).text


def test_what_changed_and_what_is_due_is_told_as_shown(
    books: Store, session: Session, street: Street, test_settings: Settings
) -> None:
    """Takings of so few stalls are hidden, so nobody is told that they moved; the roll is no secret."""
    assert published.last_change(session, MARKET, PERIOD) is None
    sell(books, 1)
    seal(test_settings, MARKET)
    import_roll(session, street.market, "F1;F;Gà;Cô Tám;0912000009;;01/10/2026;VCB;1000009;LE THI TAM;")
    session.commit()
    sell(books, 2)
    told = published.last_change(session, MARKET, PERIOD)
    assert told is not None and (told.revision, told.moved) == (1, ())
    due = {each.indicator: (each.was, each.now) for each in told.due}
    assert due["onboarded"] == (5 / 6, 6 / 7) and "cashless_value" not in due
    seal(test_settings, MARKET)
    session.rollback()
    told = published.last_change(session, MARKET, PERIOD)
    assert told is not None and (told.revision, told.due) == (2, ())
    moved = {each.indicator: each for each in told.moved}
    assert (moved["onboarded"].was, moved["onboarded"].now) == (5 / 6, 6 / 7)
    assert restatement.say(moved["onboarded"].why, "vi") == "thay đổi danh sách sạp"
    assert "cashless_value" not in moved


def test_the_table_says_what_moved(books: Store, street: Street, test_settings: Settings) -> None:
    sell(books, 1)
    seal(test_settings)
    sell(books, 2)
    said = shell.run(test_settings, "seal", "--area", WARD, "--period", PERIOD, MARKET_LANGUAGE="vi").out
    assert "lần chốt 2" in said and "thông báo đến muộn" in said and "200000" in said


def test_the_table_says_in_what_a_figure_differs_whose_value_stayed(
    books: Store, session: Session, street: Street, test_settings: Settings
) -> None:
    seal(test_settings)
    stall = session.execute(text("SELECT id FROM stall WHERE number = 'A1'")).scalar_one()
    cash_report.declare(session, stall, date(2026, 10, 5), 100_000, by="somebody")
    session.commit()
    said = shell.run(test_settings, "seal", "--area", WARD, "--period", PERIOD, MARKET_LANGUAGE="vi").out
    (row,) = [line for line in said.splitlines() if line.startswith(WARD) and "giá trị" in line]
    assert "– (" in row and "reason" in row


def test_the_table_of_rates_names_the_seal(books: Store, street: Street, test_settings: Settings) -> None:
    done = seal(test_settings)
    asked = ("rates", "--area", WARD, "--period", PERIOD)
    assert f"revision 1  sha256 {done['sha256']}" in shell.run(test_settings, *asked).out
    assert "sha256" not in shell.run(test_settings, *asked, "--live").out
    told = shell.run(test_settings, *asked, "--format", "csv").out
    assert f",1,{done['sha256']}," in told
    assert ",true,period,public," in told, "complete, as JSON and open data write it"


def test_a_move_that_is_told_late_is_a_change_of_the_roll(
    books: Store, session: Session, street: Street, test_settings: Settings
) -> None:
    """The market turns out to have stood elsewhere for half of the month; its new name is nobody's figure."""
    sell(books, 1, 2)
    sell(books, 3, day="2026-10-25")
    seal(test_settings)
    found = market.find(session, "cho-a")
    found.name = "Chợ đổi tên"
    session.add(found)
    session.commit()
    assert seal(test_settings)["new"] is False
    market.move(session, found, "26536", since=date(2026, 10, 20))
    session.commit()
    second = seal(test_settings)
    moved = {each["indicator"]: each for each in second["changes"]}
    assert (moved["cashless_value"]["was"], moved["cashless_value"]["is"]) == (300_000, 200_000)
    assert {each["why"] for each in second["changes"]} == {"roll change"}
    assert value(seal(test_settings, "ward:26536") and rates(test_settings, area="ward:26536")) == 100_000
    assert verify(test_settings)["ok"]


def test_looks_of_two_samples_and_a_count_taken_back_are_proved_as_they_stood(
    books: Store, session: Session, street: Street, test_settings: Settings
) -> None:
    """What was sealed follows from what was known then, although a sample and a correction came after it."""
    noon = clock.day_start(date(2026, 10, 5)) + timedelta(hours=5)

    def draw(period: str, size: int) -> list[str]:
        return sample.draw(session, street.market, period, size, "lot", by="board", as_of=noon).drawn

    def look(stall: str) -> None:
        place = inspection.locate(session, street.market, Verdict("unreadable", "genuine.no_code", {}), stall)
        inspection.record(session, street.market, place, photo=None, by="staff:Minh", moment=noon)

    def send(number: int, stall: str) -> None:
        told_ = tally.Sent(sent_id=UUID(int=number), stall=stall, day=noon.date(), cashless=1, cash=1)
        tally.take(session, street.market, told_, by="staff:Minh", moment=noon)

    stalls = draw("2026-10", 6)
    look(stalls[0])
    for number, stall in enumerate(stalls, 1):
        send(number, stall)
    back = tally.Correction(sent_id=UUID(int=99), corrects=UUID(int=6), cashless=0, cash=0)
    assert tally.correct(session, street.market, back, by="staff:Minh", moment=noon)
    session.commit()
    seal(test_settings)
    figures = {each["indicator"]: each for each in rates(test_settings)["figures"]}
    assert (figures["count_share"]["n"], figures["verified_acceptance"]["n"]) == (5, 1)
    draw("2026-Q4", 6)
    look(stalls[1])
    send(7, stalls[5])
    session.commit()
    assert verify(test_settings)["ok"]
    moved = {each["indicator"]: each["why"] for each in seal(test_settings)["changes"]}
    assert moved["count_share"] == "correction" and moved["verified_acceptance"] == "late report"
    assert verify(test_settings)["ok"]
