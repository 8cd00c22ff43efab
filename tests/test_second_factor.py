"""The second factor: set up by a code of the app, asked for at the door, used once, and recovered from paper."""

import re
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from sqlalchemy import text
from sqlmodel import Session

from ground import audit, clock, words
from ground.settings import Settings
from ground.store import Store
from merchants import qr_image
from portal import second_factor, staff, throttle
from portal.staff import Staff
from tests import shell
from tests.cast import PASSWORD, Browser, Cast

NOON = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)


def set_up(books: Store, session: Session) -> tuple[Staff, pyotp.TOTP]:
    """Somebody with an app that was confirmed at noon."""
    whom = staff.add(session, "Chị Hoa", NOON)
    app = pyotp.TOTP(second_factor.propose(session, books.vault, whom))
    assert second_factor.confirm(session, books.vault, whom, app.at(NOON), NOON)
    session.commit()
    return whom, app


def enrol(browser: Browser) -> tuple[pyotp.TOTP, list[str]]:
    """Through the pages: the key from the page into the app, the app's code into the form; the recovery codes."""
    html = browser.get("/account/second").text
    found = re.search(r'class="secret">([A-Z2-7 ]+)<', html)
    assert found is not None
    app = pyotp.TOTP(found[1].replace(" ", ""))
    assert words.say("signin.wrong_second") in browser.submit("/account/second", code="000000").text
    # A minute ago is out of the window and 30 s ago in it: the door's own code is still unused afterwards.
    done = browser.submit("/account/second", code=app.at(clock.now() - timedelta(seconds=30)))
    assert done.status_code == 200
    return app, re.findall(r"<li>([A-Z0-9]{5}-[A-Z0-9]{5})</li>", done.text)


def enter(cast: Cast, name: str = "Chị Hoa") -> Browser:
    """A fresh browser with the password given."""
    browser = cast.stranger()
    answer = browser.submit("/signin", name=name, password=PASSWORD, next="/account")
    assert answer.headers["location"] == "/signin/second?next=%2Faccount"
    return browser


def test_once_set_up_the_door_asks_for_the_apps_code(cast: Cast) -> None:
    app, codes = enrol(cast.sign_in("board"))
    assert len(set(codes)) == 10
    browser = enter(cast)
    assert browser.get("/board/cho-a").status_code == 404  # the password alone opens nothing
    wrong = browser.submit("/signin/second", code="000000")
    assert wrong.status_code == 422 and words.say("signin.wrong_second") in wrong.text
    done = browser.submit("/signin/second", code=app.now(), next="/account")
    assert (done.status_code, done.headers["location"]) == (303, "/account")
    assert browser.get("/board/cho-a").status_code == 200


def test_the_qr_says_what_the_app_needs_and_stays_the_same_until_it_is_confirmed(cast: Cast) -> None:
    browser = cast.sign_in("board")
    first = browser.get("/account/second").text
    with cast.books.session() as session:
        secret = second_factor.propose(session, cast.books.vault, staff.find(session, "Chị Hoa"))
    told = second_factor.uri(secret, "Chị Hoa")
    assert told.startswith("otpauth://totp/Market%204.0:") and f"secret={secret}" in told
    assert qr_image.svg(told, title="QR") in first
    assert qr_image.svg(told, title="QR") in browser.get("/account/second").text


def test_a_code_counts_once_and_only_around_its_time(books: Store, session: Session) -> None:
    whom, app = set_up(books, session)

    def check(code: str, moment: datetime) -> bool:
        return second_factor.check(session, books.vault, whom.key, code, moment) == "app"

    minute = timedelta(minutes=1)
    assert not check(app.at(NOON), NOON)  # used by the confirmation
    later = NOON + 10 * minute
    assert not check(app.at(later - minute), later) and not check(app.at(later + minute), later)
    assert check(app.at(later - minute / 2), later)  # the phone's clock is half a minute late
    assert check(app.at(later), later)
    assert not check(app.at(later), later)
    assert not check(app.at(later - minute / 2), later)  # older than the last one used
    spaced = app.at(later + minute)
    assert check(f"{spaced[:3]} {spaced[3:]}", later + minute)
    for wrong in ("", "１２３４５６", "abc", "1234567"):
        assert not check(wrong, later + 5 * minute)


def test_a_recovery_code_works_once_and_in_any_writing(books: Store, session: Session) -> None:
    whom, _ = set_up(books, session)
    codes = second_factor.renew_recovery(session, books.vault, whom, NOON)
    assert second_factor.recovery_left(session, whom) == 10
    assert second_factor.check(session, books.vault, whom.key, codes[3].lower().replace("-", " "), NOON)
    assert not second_factor.check(session, books.vault, whom.key, codes[3], NOON)
    assert second_factor.recovery_left(session, whom) == 9
    renewed = second_factor.renew_recovery(session, books.vault, whom, NOON)
    assert not second_factor.check(session, books.vault, whom.key, codes[4], NOON)
    assert second_factor.check(session, books.vault, whom.key, renewed[4], NOON)


def test_without_the_phone_a_recovery_code_opens_the_door(cast: Cast) -> None:
    _, codes = enrol(cast.sign_in("board"))
    browser = enter(cast)
    assert browser.submit("/signin/second", code=codes[0]).status_code == 303
    assert browser.get("/board/cho-a").status_code == 200
    assert enter(cast).submit("/signin/second", code=codes[0]).status_code == 422
    with cast.books.session() as session:
        told = [(each.what, each.before, each.after) for each in audit.latest(session, 2, "staff:Chị Hoa")]
    assert told[1] == ("staff.recovery_code", {"left": 10}, {"left": 9})
    assert told[0][0] == "session.begin" and told[0][2]["by"] == "second"


def test_guessing_the_second_factor_is_slowed_whoever_begins_anew(cast: Cast) -> None:
    app, _ = enrol(cast.sign_in("board"))
    pace = throttle.SECOND_FACTOR
    waits = [pace.wait(number) for number in range(1, 13)]
    moment = clock.now() - sum(waits[:-1], timedelta())
    with cast.books.session() as session:
        whose = str(staff.find(session, "Chị Hoa").key)
        throttle.forgive(session, cast.books.vault, (pace, whose))
        for wait in waits:
            throttle.count(session, cast.books.vault, moment, (pace, whose))
            moment += wait
        session.commit()
    assert enter(cast).submit("/signin/second", code=app.now()).status_code == 429


def test_the_half_way_in_ends_after_ten_minutes_and_is_no_session(cast: Cast) -> None:
    app, _ = enrol(cast.sign_in("board"))
    browser = enter(cast)
    half = browser.client.cookies["half"]
    as_whole = cast.stranger()
    as_whole.client.cookies.set("visit", half)
    assert as_whole.get("/board/cho-a").status_code == 404
    with cast.books.session() as session:
        session.execute(text("UPDATE visit SET ends_at = now() WHERE proved_at IS NULL"))
        session.commit()
    late = browser.submit("/signin/second", code=app.now())
    assert late.status_code == 422 and words.say("signin.begin_again") in late.text


def test_a_link_for_a_forgotten_password_still_asks_for_the_second_factor(cast: Cast, test_settings: Settings) -> None:
    app, _ = enrol(cast.sign_in("board"))
    new = "hoàn toàn khác hẳn nhé"

    def choose(*options: str) -> str:
        link = shell.run(test_settings, "user", "link", "Chị Hoa", *options).out.strip()
        answer = cast.stranger().submit("/" + link.split("/", 3)[3], password=new, again=new)
        return str(answer.headers["location"])

    assert choose() == "/signin/second"
    assert choose("--drop-second-factor") == "/board/cho-a"
    assert app


@pytest.mark.parametrize("action", ["recovery", "removal"])
def test_what_weakens_the_account_asks_for_the_password_again(cast: Cast, action: str) -> None:
    browser = cast.sign_in("board")
    enrol(browser)
    wrong = browser.submit("/account", f"/account/second/{action}", present="sai rồi")
    assert wrong.status_code == 422 and words.say("password.wrong") in wrong.text
    done = browser.submit("/account", f"/account/second/{action}", present=PASSWORD)
    assert done.status_code == (200 if action == "recovery" else 303)
    with cast.books.session() as session:
        whom = staff.find(session, "Chị Hoa")
        assert (whom.totp_at is None) == (action == "removal")
        acts = session.execute(text("SELECT what FROM audit ORDER BY number DESC LIMIT 1")).scalar_one()
    assert acts == ("staff.recovery_codes" if action == "recovery" else "staff.second_factor")


def test_the_secret_and_the_codes_are_in_no_table_in_clear(cast: Cast) -> None:
    app, codes = enrol(cast.sign_in("board"))
    with cast.books.session() as session:
        rows = (
            session.execute(
                text(
                    "SELECT staff::text FROM staff UNION ALL SELECT recovery_code::text FROM recovery_code"
                    " UNION ALL SELECT audit::text FROM audit"
                )
            )
            .scalars()
            .all()
        )
    secrets = [app.secret, app.secret.encode().hex(), *codes, *(code.replace("-", "") for code in codes)]
    assert len(rows) > 10 and not any(secret in row for row in rows for secret in secrets)


def test_the_password_is_changed_by_who_knows_it_and_other_browsers_are_signed_out(cast: Cast) -> None:
    mine, other = cast.sign_in("board"), cast.stranger()
    assert other.submit("/signin", name="Chị Hoa", password=PASSWORD).status_code == 303
    new = "hoàn toàn khác hẳn nhé"
    wrong = mine.submit("/account", "/account/password", present="sai", chosen=new, again=new)
    assert wrong.status_code == 422 and words.say("password.wrong") in wrong.text
    done = mine.submit("/account", "/account/password", present=PASSWORD, chosen=new, again=new)
    assert done.headers["location"] == "/account?done=password"
    assert words.say("account_page.done.password") in mine.get("/account?done=password").text
    assert other.get("/board/cho-a").status_code == 404
    assert cast.stranger().submit("/signin", name="Chị Hoa", password=PASSWORD).status_code == 422
    assert cast.stranger().submit("/signin", name="Chị Hoa", password=new).status_code == 303


def test_one_sees_where_one_is_signed_in_and_ends_it_there_but_nobody_elses(cast: Cast) -> None:
    mine, other, foreign = cast.sign_in("board"), cast.stranger(), cast.sign_in("ward")
    other.client.headers["User-Agent"] = (
        "Mozilla/5.0 (Linux; Android 10) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36"
    )
    other.submit("/signin", name="Chị Hoa", password=PASSWORD)
    html = mine.get("/account").text
    assert "Chrome, Android" in html and words.say("account_page.this") in html
    ids = re.findall(r'name="visit" value="(\d+)"', html)
    assert len(ids) == 1
    foreign.submit("/account", "/account/sessions/ending", visit=ids[0])
    assert other.get("/board/cho-a").status_code == 200
    assert mine.submit("/account", "/account/sessions/ending", visit=ids[0]).status_code == 303
    assert other.get("/board/cho-a").status_code == 404
    assert mine.get("/account").status_code == 200
