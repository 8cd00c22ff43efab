"""Signing in as staff: the link that works once, name and password, what slows guessing, and sessions that end."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from httpx2 import Response
from pydantic import SecretStr
from sqlalchemy import text
from sqlmodel import Session
from starlette.testclient import TestClient

from ground import clock, words
from ground.refusal import Refusal
from ground.settings import Settings
from ground.store import Store
from portal import app as portal
from portal import doorstep, invitation, password, staff, throttle, visit
from portal.person import Office
from portal.throttle import Pace
from portal.visit import Guest
from tests import shell
from tests.cast import PASSWORD, STAFF, Browser, Cast
from tests.world import keep, post, told

NOON = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
GUEST = Guest("203.0.113.7", "Mozilla/5.0")
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def path_of(link: str) -> str:
    return "/" + link.split("/", 3)[3]


def try_password(browser: Browser, name: str, told: str, **more: str) -> Response:
    return browser.submit("/signin", name=name, password=told, **more)


# --- the link


def test_user_add_prints_a_link_by_which_one_chooses_a_password_and_comes_in(
    cast: Cast, test_settings: Settings
) -> None:
    answer = shell.run(test_settings, "user", "add", "Nguyễn Văn An", "--role", "board", "--area", "market:cho-a")
    assert answer.code == 0, answer.err
    link = answer.out.strip()
    assert link.startswith("http://127.0.0.1:8000/signin/link/")
    browser = cast.stranger()
    shown = browser.get(path_of(link))
    assert "Nguyễn Văn An" in shown.text and browser.get(path_of(link)).status_code == 200  # looking uses nothing up
    weak = browser.submit(path_of(link), password="1234567890", again="1234567890")
    assert weak.status_code == 422 and words.say("password.weak") in weak.text
    differing = browser.submit(path_of(link), password=PASSWORD, again=PASSWORD + "x")
    assert differing.status_code == 422 and words.say("password.differs") in differing.text
    done = browser.submit(path_of(link), password=PASSWORD, again=PASSWORD)
    assert (done.status_code, done.headers["location"]) == (303, "/board/cho-a")
    assert browser.get("/board/cho-a").status_code == 200
    again = cast.stranger()
    assert again.get(path_of(link)).status_code == 404
    assert words.say("signin.link_is_over") in again.get(path_of(link)).text
    assert again.submit("/signin", path_of(link), password=PASSWORD, again=PASSWORD).status_code == 404


def test_a_link_ends_after_a_day_and_when_another_is_made(books: Store, session: Session) -> None:
    whom = staff.add(session, "Chị Hoa", NOON)
    first = invitation.make(session, books.vault, NOON, by="test", staff_id=whom.key)
    assert invitation.find(session, books.vault, first, NOON + timedelta(hours=23, minutes=59))
    with pytest.raises(Refusal):
        invitation.find(session, books.vault, first, NOON + timedelta(hours=24))
    invitation.make(session, books.vault, NOON + MINUTE, by="test", staff_id=whom.key)
    with pytest.raises(Refusal):
        invitation.find(session, books.vault, first, NOON + MINUTE)


def test_two_who_use_a_link_at_once_are_one(cast: Cast) -> None:
    with cast.books.session() as session:
        key = staff.find(session, STAFF["board"][0]).key
        token = invitation.make(session, cast.books.vault, clock.now(), by="test", staff_id=key)
        session.commit()
    answers: list[int] = []

    def use() -> None:
        answer = cast.stranger().submit(f"/signin/link/{token}", password=PASSWORD, again=PASSWORD)
        answers.append(answer.status_code)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) in ([303, 404, 404, 404],)


# --- name and password


def test_a_name_is_one_name_however_it_is_typed(cast: Cast) -> None:
    cast.sign_in("ward")
    for name in ("anh dũng", "  ANH   DŨNG ", "Anh Du\u0303ng"):  # the last one with a combining tilde
        answer = try_password(cast.stranger(), name, PASSWORD)
        assert (answer.status_code, answer.headers.get("location")) == (303, "/ward/26506"), name


def test_a_wrong_password_and_an_unknown_name_are_answered_alike(cast: Cast) -> None:
    cast.sign_in("board")
    known = try_password(cast.stranger(), "Chị Hoa", "sai hoàn toàn nhé")
    unknown = try_password(cast.stranger(), "Chị Không Có", "sai hoàn toàn nhé")
    assert known.status_code == unknown.status_code == 422
    assert words.say("signin.wrong") in known.text and words.say("signin.wrong") in unknown.text
    assert known.headers.keys() == unknown.headers.keys()


def test_who_has_no_password_yet_or_has_left_does_not_come_in(cast: Cast, test_settings: Settings) -> None:
    assert try_password(cast.stranger(), "Anh Bình", "").status_code == 422
    assert try_password(cast.stranger(), "Anh Bình", "nobody's password").status_code == 422
    browser = cast.sign_in("board")
    assert shell.run(test_settings, "user", "remove", "Chị Hoa").code == 0
    assert browser.get("/board/cho-a").status_code == 404
    assert try_password(cast.stranger(), "Chị Hoa", PASSWORD).status_code == 422


@pytest.mark.parametrize(
    ("chosen", "key"),
    [
        ("ngắn", "password.short"),
        ("x" * 201, "password.long"),
        ("password1234", "password.weak"),
        ("qwertyuiop123", "password.weak"),
        ("NguyenThiHoa1", "password.weak"),  # her own name
        ("Nguyễn Thị Hoa", "password.weak"),
        ("chotruyenthong", "password.weak"),
        ("11111111111111", "password.weak"),
    ],
)
def test_a_weak_password_is_refused_with_the_reason(chosen: str, key: str) -> None:
    with pytest.raises(Refusal) as refused:
        password.seal(chosen, "Nguyễn Thị Hoa")
    assert refused.value.code == key


def test_a_password_is_right_however_its_letters_are_composed() -> None:
    kept = password.seal("chợ nổi bán bún riêu", "Chị Hoa")
    assert kept.startswith("$argon2id$")
    assert password.is_right("chợ nổi bán bún riêu", kept)
    assert not password.is_right("chợ nổi bán bún riêu ", kept)
    assert not password.is_right("x", None)


def test_the_other_language_of_a_refused_form_is_the_page_it_was_sent_from(cast: Cast) -> None:
    browser = cast.stranger()
    for referer, leads_to in (
        ("http://testserver/signin", "/signin?lang=en"),
        ("https://evil.example/x", "/?lang=en"),
        ("", "/?lang=en"),
    ):
        browser.client.headers["Referer"] = referer
        refused = browser.submit("/signin", "/signin/phone", phone="12")
        assert refused.status_code == 422 and f'href="{leads_to}"' in refused.text


def test_the_page_in_another_language_keeps_what_was_asked_for(cast: Cast) -> None:
    assert 'href="?next=%2Fboard&amp;lang=en"' in cast.stranger().get("/signin?next=/board").text


# --- what slows guessing


def test_the_wait_grows_with_each_failure_and_never_beyond_its_longest() -> None:
    waits = [throttle.ACCOUNT.wait(number) for number in range(1, 40)]
    assert waits[:3] == [timedelta()] * 3
    assert waits[3:7] == [2 * SECOND, 4 * SECOND, 8 * SECOND, 16 * SECOND]
    assert waits == sorted(waits)
    assert waits[-1] == throttle.ACCOUNT.longest == 15 * MINUTE


def test_guessing_is_slowed_for_the_account_whoever_asks_and_ends_with_the_right_password(
    books: Store, session: Session
) -> None:
    vault, moment = books.vault, NOON
    tried = (throttle.ACCOUNT, "chị hoa")
    for _ in range(4):
        throttle.count(session, vault, moment, tried)
    session.commit()
    with books.session() as another, pytest.raises(Refusal) as refused:  # as another worker would
        throttle.count(another, vault, moment + SECOND, tried)
    assert (refused.value.status, refused.value.params["wait"]) == (429, 1)
    throttle.count(session, vault, moment + 2 * SECOND, tried)
    with pytest.raises(Refusal):
        throttle.count(session, vault, moment + 5 * SECOND, tried)
    throttle.count(session, vault, moment, (throttle.ACCOUNT, "anh bình"))  # another account is free
    throttle.forgive(session, vault, tried)
    for _ in range(4):
        throttle.count(session, vault, moment + 5 * SECOND, tried)


def test_asking_in_vain_while_one_has_to_wait_does_not_make_it_longer(books: Store, session: Session) -> None:
    tried = (throttle.ACCOUNT, "chị hoa")
    for _ in range(4):
        throttle.count(session, books.vault, NOON, tried)
    session.commit()
    for tenth in range(19):
        with pytest.raises(Refusal):
            throttle.count(session, books.vault, NOON + SECOND * tenth / 10, tried)
    throttle.count(session, books.vault, NOON + 2 * SECOND, tried)


def test_failures_are_forgotten_after_a_day(books: Store, session: Session) -> None:
    tried = (throttle.ACCOUNT, "chị hoa")
    moment = NOON
    for number in range(1, 12):
        throttle.count(session, books.vault, moment, tried)
        moment += throttle.ACCOUNT.wait(number)
    moment += timedelta(days=1, seconds=1)
    for _ in range(4):
        throttle.count(session, books.vault, moment, tried)


def test_many_guesses_at_once_get_no_more_than_one_after_the_other(books: Store) -> None:
    pace = Pace("test", 3, MINUTE, MINUTE)
    taken: list[bool] = []

    def guess() -> None:
        with books.session() as session:
            try:
                throttle.count(session, books.vault, NOON, (pace, "x"))
                session.commit()
                taken.append(True)
            except Refusal:
                taken.append(False)

    threads = [threading.Thread(target=guess) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken.count(True) == 3 and len(taken) == 12


def test_an_address_is_slowed_over_all_names_and_a_household_of_ipv6_is_one(cast: Cast) -> None:
    assert throttle.neighbourhood("2001:db8:1:2:3:4:5:6") == throttle.neighbourhood("2001:db8:1:2::1")
    assert throttle.neighbourhood("2001:db8:1:3::1") != throttle.neighbourhood("2001:db8:1:2::1")
    address = throttle.neighbourhood("203.0.113.7")
    with cast.books.session() as session:
        for _ in range(throttle.ADDRESS.free):
            throttle.count(session, cast.books.vault, NOON, (throttle.ADDRESS, address))
        with pytest.raises(Refusal):
            throttle.count(session, cast.books.vault, NOON, (throttle.ACCOUNT, "x"), (throttle.ADDRESS, address))


def fail_often(books: Store, name: str) -> None:
    """Twelve failures, each as soon as it may be, so that the next one has to wait for minutes from now."""
    waits = [throttle.ACCOUNT.wait(number) for number in range(1, 13)]
    moment = clock.now() - sum(waits[:-1], timedelta())
    with books.session() as session:
        for wait in waits:
            throttle.count(session, books.vault, moment, (throttle.ACCOUNT, doorstep.account_of(name)))
            moment += wait
        session.commit()


def test_a_stranger_who_fails_on_purpose_slows_himself_and_not_the_browser_its_owner_knows(cast: Cast) -> None:
    mine = cast.sign_in("board")
    mine.submit("/", "/signout")
    fail_often(cast.books, "Chị Hoa")
    for guessed in ("đoán mò", PASSWORD):
        answer = try_password(cast.stranger(), "Chị Hoa", guessed)
        assert answer.status_code == 429
        wait = answer.headers["retry-after"]
        assert int(wait) > 60 and words.say("signin.too_often", wait=wait) in answer.text
    assert try_password(mine, "Chị Hoa", PASSWORD).status_code == 303
    mine.submit("/", "/signout")
    assert [try_password(mine, "Chị Hoa", "đoán mò").status_code for _ in range(4)] == [422] * 4
    forged = cast.stranger()
    forged.client.cookies.set("known", "x." + "0" * 32)
    assert try_password(forged, "Chị Hoa", PASSWORD).status_code == 429


def test_an_unknown_name_is_slowed_like_a_known_one(cast: Cast) -> None:
    answers = [try_password(cast.stranger(), "Không Có", "đoán mò").status_code for _ in range(4)]
    assert answers == [422] * 4
    fail_often(cast.books, "Không Tên")
    assert try_password(cast.stranger(), "không  tên", "đoán mò").status_code == 429


def test_old_failures_are_not_kept_for_ever(books: Store, session: Session) -> None:
    for number in range(5):
        throttle.count(session, books.vault, NOON, (throttle.ACCOUNT, f"ai đó {number}"))
    throttle.count(session, books.vault, NOON + throttle.KEPT + SECOND, (throttle.ACCOUNT, "người khác"))
    assert session.execute(text("SELECT count(*) FROM throttle")).scalar_one() == 1


def test_the_throttle_table_lists_nobody(cast: Cast, session: Session) -> None:
    try_password(cast.stranger(), "Chị Hoa", "đoán mò")
    rows = session.execute(text("SELECT throttle::text FROM throttle")).scalars().all()
    assert len(rows) == 2 and not any("hoa" in row.lower() or "testclient" in row for row in rows)


# --- sessions


def begin(books: Store, session: Session, *, vendor: bool = False) -> str:
    if vendor:
        id_ = session.execute(
            text("INSERT INTO vendor (phone, added_at) VALUES ('0912345678', :now) RETURNING id"), {"now": NOON}
        ).scalar_one()
        return visit.begin(session, books.vault, NOON, GUEST, vendor_id=id_)
    whom = staff.add(session, "Chị Hoa", NOON)
    staff.appoint(session, whom, Office("operator", None), NOON)
    return visit.begin(session, books.vault, NOON, GUEST, staff_id=whom.key)


@pytest.mark.parametrize(
    ("vendor", "idle", "whole"),
    [(False, visit.STAFF_IDLE, visit.STAFF_WHOLE), (True, visit.VENDOR_IDLE, visit.VENDOR_WHOLE)],
)
def test_a_session_ends_when_nobody_uses_it_and_at_last_even_so(
    books: Store, session: Session, vendor: bool, idle: timedelta, whole: timedelta
) -> None:
    token = begin(books, session, vendor=vendor)
    assert visit.recognise(session, books.vault, token, NOON + idle - SECOND)
    assert visit.recognise(session, books.vault, token, NOON + 2 * idle - 2 * SECOND)  # seen on the way
    assert visit.recognise(session, books.vault, token, NOON + 3 * idle) is None
    moment = NOON + 2 * idle - 2 * SECOND
    while moment + idle - SECOND < NOON + whole:
        moment += idle - SECOND
        assert visit.recognise(session, books.vault, token, moment)
    assert visit.recognise(session, books.vault, token, NOON + whole) is None


def test_only_the_hash_of_a_token_is_kept_and_a_made_up_one_opens_nothing(books: Store, session: Session) -> None:
    token = begin(books, session)
    kept = session.execute(text("SELECT visit::text FROM visit")).scalars().all()
    assert len(kept) == 1 and token not in kept[0]
    assert visit.recognise(session, books.vault, token, NOON)
    for wrong in ("", token[:-1], token + "x", "x" * 43):
        assert visit.recognise(session, books.vault, wrong, NOON) is None


def test_signing_out_ends_the_session_on_the_server_too(cast: Cast) -> None:
    browser = cast.sign_in("board")
    stolen = browser.client.cookies["visit"]
    assert browser.submit("/", "/signout").headers["location"] == "/"
    thief = cast.stranger()
    thief.client.cookies.set("visit", stolen)
    assert thief.get("/board/cho-a").status_code == 404


def test_who_comes_in_as_somebody_else_has_left(cast: Cast) -> None:
    cast.sign_in("ward")
    browser = cast.sign_in("board")
    first = browser.client.cookies["visit"]
    assert browser.submit("/account", "/signin", name="Anh Dũng", password=PASSWORD).status_code == 303
    assert browser.get("/ward/26506").status_code == 200 and browser.get("/board/cho-b").status_code == 404
    thief = cast.stranger()
    thief.client.cookies.set("visit", first)
    assert thief.get("/account").status_code == 303


def test_a_crowd_of_guesses_takes_neither_the_memory_nor_all_threads() -> None:
    kept = password.seal("chợ nổi bán bún riêu", "Chị Hoa")
    answers: list[str] = []

    def guess() -> None:
        try:
            answers.append(str(password.is_right("chợ nổi bán bún riêu", kept)))
        except Refusal as refused:
            answers.append(refused.code)

    threads = [threading.Thread(target=guess) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 30 and set(answers) == {"True", "password.busy"} and answers.count("True") >= 8


def test_an_office_taken_back_is_gone_at_the_next_click(cast: Cast, test_settings: Settings) -> None:
    browser = cast.sign_in("board")
    assert browser.get("/board/cho-a").status_code == 200
    answer = shell.run(test_settings, "user", "dismiss", "Chị Hoa", "--role", "board", "--area", "cho-a")
    assert answer.code == 0, answer.err
    assert browser.get("/board/cho-a").status_code == 404
    assert shell.run(test_settings, "user", "end-sessions", "Chị Hoa").out == "ended 1\n"
    assert browser.get("/account").headers["location"] == "/signin?next=/account"


def test_the_session_changes_its_token_with_each_sign_in(cast: Cast) -> None:
    browser = cast.sign_in("board")
    first = browser.client.cookies["visit"]
    browser.submit("/", "/signout")
    assert try_password(browser, "Chị Hoa", PASSWORD).status_code == 303
    assert browser.client.cookies["visit"] != first


@pytest.mark.parametrize(
    ("next_", "goes_to"),
    [
        ("/account", "/account"),
        ("/markets/cho-a?period=2026", "/markets/cho-a?period=2026"),
        ("//evil.example/x", "/board/cho-a"),
        ("/\\evil.example", "/board/cho-a"),
        ("https://evil.example", "/board/cho-a"),
        ("/x\nSet-Cookie: a=b", "/board/cho-a"),
        ("", "/board/cho-a"),
    ],
)
def test_after_signing_in_one_goes_on_only_within_the_house(cast: Cast, next_: str, goes_to: str) -> None:
    cast.sign_in("board").submit("/", "/signout")
    answer = try_password(cast.browsers["board"], "Chị Hoa", PASSWORD, next=next_)
    assert (answer.status_code, answer.headers["location"]) == (303, goes_to)


def test_a_private_entrance_leads_to_the_door_and_back(cast: Cast) -> None:
    cast.sign_in("board").submit("/", "/signout")
    browser = cast.browsers["board"]
    led = browser.get("/board")
    assert (led.status_code, led.headers["location"]) == (303, "/signin?next=/board")
    hidden = browser.get("/board/cho-a")
    assert hidden.status_code == 404 and "/signin?next=/board/cho-a" in hidden.text
    nowhere = browser.get("/board/nowhere")
    assert nowhere.text.replace("nowhere", "cho-a") == hidden.text  # what is hidden looks like what is not there
    answer = browser.submit(led.headers["location"], "/signin", name="Chị Hoa", password=PASSWORD, next="/board")
    assert answer.headers["location"] == "/board"
    assert browser.get("/board").headers["location"] == "/board/cho-a"


def test_over_https_cookies_are_bound_to_the_host_and_over_http_they_are_plain(books: Store, cast: Cast) -> None:
    plain = cast.stranger().get("/signin").headers["set-cookie"]
    assert plain.startswith("form=") and "Secure" not in plain and "HttpOnly" in plain and "SameSite=lax" in plain
    settings = books.settings.model_copy(update={"base_url": "https://cho.example"})
    app = portal.create(books._replace(settings=settings), lambda: True)
    answer = Browser(cast.stranger().client.__class__(app, base_url="https://cho.example")).get("/signin")
    secure = answer.headers["set-cookie"]
    assert secure.startswith("__Host-form=") and "Secure" in secure and "Path=/" in secure and "Domain" not in secure
    assert answer.headers["strict-transport-security"].startswith("max-age=")
    assert "strict-transport-security" not in cast.stranger().get("/signin").headers


def test_a_signed_in_page_stays_in_no_cache_and_every_answer_carries_the_shield(cast: Cast) -> None:
    browser = cast.sign_in("board")
    assert browser.get("/board/cho-a").headers["cache-control"] == "no-store"
    for path in ("/board/cho-a", "/", "/nowhere", "/signin", "/static/page.css", "/api/v1/openapi.json"):
        headers = browser.get(path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["referrer-policy"] == "same-origin", path
    assert "script-src 'self'" in browser.get("/").headers["content-security-policy"]


def test_a_masked_secret_key_of_messages_is_not_shown(settings: Settings) -> None:
    told = settings.model_copy(update={"message_url": SecretStr("mailto://user:pass@example.org")}).masked()
    assert "pass" not in str(told)


# --- the demo


def test_the_demo_lets_everybody_in_as_any_of_its_people_and_no_other_house_does(cast: Cast) -> None:
    outside = cast.stranger()
    assert "/signin/demo" not in outside.get("/signin").text
    assert outside.submit("/signin", "/signin/demo", who="operator").status_code == 404
    with cast.books.session() as session:
        session.execute(text("UPDATE market SET made_up = true WHERE code = 'cho-a'"))
        session.commit()
    keep(cast.books, [told(1, 20_000, at=f"{clock.today()} 00:00:01")])
    post(cast.books)
    settings = cast.books.settings.model_copy(update={"demo": True})
    app = portal.create(cast.books._replace(settings=settings), lambda: True)
    lands = {
        "vendor": "/stall",
        "helper": "/field",
        "board": "/board/cho-a",
        "ward": "/ward/26506",
        "province": "/province/79",
        "operator": "/operator",
    }
    for _ in range(2):  # the second time they are there already
        for who, path in lands.items():
            browser = Browser(TestClient(app))
            answer = browser.submit("/signin", "/signin/demo", who=who)
            assert (answer.status_code, answer.headers["location"]) == (303, path)
            assert browser.get(path, follow_redirects=True).status_code == 200
    assert Browser(TestClient(app)).submit("/signin", "/signin/demo", who="root").status_code == 404
