"""A vendor joins through the real doors: by herself or with a helper, and the board decides."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from sqlalchemy import text

from ground import clock, words
from ground.clock import today
from merchants import agreement, code, market
from payments import revenue_book, verify
from portal import throttle
from tests.applicant import LAN, apply_for, ask, come_in, decide, fields, number_in, state
from tests.cast import VENDOR_PHONE, Cast
from tests.messages import Log, code_for, told
from tests.test_signin_phone import link_of
from tests.world import import_roll, keep, post
from tests.world import told as payment

NOW_AT = """
    SELECT state.since, t.name, t.phone, a.number, state.status FROM stall s
    JOIN stall_state state ON state.stall_id = s.id AND state.superseded_at IS NULL AND state.until IS NULL
    LEFT JOIN merchant t ON t.id = state.merchant_id LEFT JOIN account a ON a.id = state.account_id
    WHERE s.number = :stall AND s.market_id = (SELECT id FROM market WHERE code = 'cho-a')
"""
CODES = """
    SELECT c.serial, c.live_from, c.revoked_on, a.number FROM code c JOIN stall s ON s.id = c.stall_id
    JOIN account a ON a.id = c.account_id
    WHERE s.number = :stall AND s.market_id = (SELECT id FROM market WHERE code = 'cho-a') ORDER BY c.id
"""


def tomorrow() -> date:
    return today() + timedelta(days=1)


def said(key: str, **params: object) -> str:
    return words.say(key, "vi", **params)


def test_a_stranger_becomes_a_vendor_with_a_code_that_works_today(cast: Cast, log: Log) -> None:
    with cast.books.session() as session:  # a code revoked elsewhere does not come back by the way
        code.revoke(session, cast.street.codes["A2"]["serial"], reason="bị dán đè")
        session.commit()
    lan = come_in(cast, log)
    number = apply_for(lan)
    assert state(cast, number) == "submitted" and ask(cast, NOW_AT, stall="K7") == []
    board = cast.sign_in("board")
    assert "K7" in board.get("/board/cho-a/applications").text
    shown = board.get(f"/board/cho-a/application?number={number}").text
    assert "0123 4567 89" in shown and said("board_applications.relation.free") in shown
    assert decide(cast, number, "approve").status_code == 303
    assert ask(cast, NOW_AT, stall="K7") == [(today(), "Nguyễn Thị Lan", LAN, "0123456789", "trading")]
    ((serial, live_from, revoked, account),) = ask(cast, CODES, stall="K7")
    assert (live_from, revoked, account) == (today(), None, "0123456789")
    assert said("joining.told.approved", stall="K7", market="Chợ cho-a", since=f"{today():%d/%m/%Y}") in told(log, LAN)
    assert len(ask(cast, CODES, stall="A2")) == 1
    assert f"/q/{serial}" in lan.get("/apply").text
    assert cast.stranger().get(f"/q/{serial}").status_code == 200
    assert "K7" in lan.get("/stall").text  # the visit she has had all along
    consent = ask(cast, "SELECT agreed_by, agreed_version, agreed_wording FROM application WHERE id = :n", n=number)
    assert consent[0][:2] == ("code", agreement.VERSION) and said("consent_text.yours") in consent[0][2]


def test_an_empty_market_takes_its_first_stall_by_an_application(cast: Cast, log: Log) -> None:
    with cast.books.session() as session:
        market.add(session, "cho-moi", "Chợ Mới", "26506", since=date(2026, 1, 1))
        session.commit()
    number = apply_for(come_in(cast, log), market="cho-moi", stall="1")
    assert decide(cast, number, "approve", by="operator", market="cho-moi").status_code == 303
    rows = ask(cast, "SELECT since FROM stall_state JOIN stall s ON s.id = stall_id WHERE s.number = '1'")
    assert rows == [(today(),)]


def test_returned_with_a_reason_mended_and_sent_again(cast: Cast, log: Log) -> None:
    lan = come_in(cast, log)
    number = apply_for(lan)
    assert decide(cast, number, "return").status_code == 422  # without a reason
    why = "Tên chủ tài khoản không khớp"
    assert decide(cast, number, "return", reason=why).status_code == 303
    assert said("joining.told.returned", stall="K7", market="Chợ cho-a") in told(log, LAN)
    assert why in lan.get("/apply").text and "0123456789" in lan.get(f"/apply?number={number}").text
    assert decide(cast, number, "approve").status_code == 409
    again = lan.submit("/apply", "/apply", number=str(number), **fields(account_name="NGUYEN T LAN"))
    assert number_in(again) == number
    assert state(cast, number) == "returned"
    assert lan.submit("/apply", "/apply/consent", number=str(number)).status_code == 422  # without agreeing anew
    assert lan.submit("/apply", "/apply/consent", number=str(number), agreed="true").status_code == 303
    assert decide(cast, number, "approve").status_code == 303
    steps = ask(cast, "SELECT step, by, reason FROM application_step WHERE application_id = :n ORDER BY id", n=number)
    assert [row[0] for row in steps] == ["submit", "return", "submit", "approve"]
    assert steps[1][1:] == ("staff:Chị Hoa", why) and steps[3][1] == "staff:Chị Hoa"
    kept = ask(cast, "SELECT before::text || after::text FROM audit WHERE subject = :s", s=f"application:{number}")
    assert not any(word in str(kept) for word in ("Lan", "LAN", LAN, "0123456789", why))


def test_who_filled_it_in_does_not_approve_it(cast: Cast, log: Log) -> None:
    board = cast.sign_in("board")
    filled = board.submit("/field/cho-a/application", **fields(phone=LAN))
    number = number_in(filled)
    page = f"/field/cho-a/application/consent?number={number}"
    sent = board.submit(page, "/field/cho-a/application/consent", number=str(number), told=code_for(log, LAN))
    assert sent.status_code == 303
    refused = decide(cast, number, "approve")
    assert refused.status_code == 409 and said("application.own") in refused.text and state(cast, number) == "submitted"
    assert decide(cast, number, "approve", by="operator").status_code == 303


def test_a_helper_sends_it_only_with_the_code_that_her_phone_got(cast: Cast, log: Log) -> None:
    helper = cast.sign_in("helper")
    number = number_in(helper.submit("/field/cho-a/application", **fields(phone=LAN)))
    page = f"/field/cho-a/application/consent?number={number}"
    right = code_for(log, LAN)
    assert "Minh Tổ Số" in told(log, LAN)[-1]
    wrong = "000000" if right != "000000" else "000001"
    tried = helper.submit(page, "/field/cho-a/application/consent", number=str(number), told=wrong)
    assert tried.status_code == 422 and state(cast, number) == "draft"
    # What she reads out signs nobody in as her, though the helper's browser has the other half.
    handle = helper.client.cookies.get("consent")
    thief = cast.stranger()
    for door in ("/apply/code", "/signin/code"):
        thief.get(door)
        thief.client.cookies.set("code", str(handle))
        assert thief.submit(door, code=right).status_code == 422
    assert cast.sign_in("other_helper").get(page).status_code == 404
    sent = helper.submit(page, "/field/cho-a/application/consent", number=str(number), told=right)
    assert sent.status_code == 303 and state(cast, number) == "submitted"
    assert decide(cast, number, "approve").status_code == 303
    assert ask(cast, NOW_AT, stall="K7")[0][2] == LAN


def test_a_slip_agrees_for_whom_no_message_reaches_and_the_board_knows_the_phone_is_unproved(
    cast: Cast, log: Log
) -> None:
    helper = cast.sign_in("helper")
    number = number_in(helper.submit("/field/cho-a/application", **fields(phone=VENDOR_PHONE, stall="A1")))
    page = f"/field/cho-a/application/consent?number={number}"
    slip = helper.submit(page, "/field/cho-a/application/slip", number=str(number))
    assert slip.status_code == 200
    svg = re.search(r'class="qr">(<svg.*?</svg>)', slip.text, re.S)
    assert svg is not None
    path = "/" + link_of(svg[1]).split("/", 3)[3]
    assert path.startswith("/apply/slip/") and "Minh Tổ Số" in told(log, VENDOR_PHONE)[-1]
    hers = cast.stranger()
    assert "A1" in hers.get(path).text
    assert hers.submit(path).status_code == 422
    assert hers.submit(path, agreed="true").status_code == 200
    assert hers.get(path).status_code == 404  # once
    assert hers.get("/stall").status_code == 303  # it opens no vendor's account
    # Cô Ba sees what was sent in her name and may take it back; that she saw it proves nothing.
    assert "••••6789" in cast.sign_in("vendor").get("/apply").text
    # A written phone proves nothing: even Cô Ba's own number makes nobody Cô Ba.
    shown = cast.sign_in("board").get(f"/board/cho-a/application?number={number}").text
    assert said("board_applications.agreed.slip") in shown and said("board_applications.relation.other") in shown
    assert decide(cast, number, "approve").status_code == 409
    assert cast.sign_in("vendor").submit("/apply", "/apply/withdrawal", number=str(number)).status_code == 303


# --- two for one stall


def test_against_the_vendor_on_the_roll_the_board_chooses_and_neither_sees_the_others_takings(
    cast: Cast, log: Log
) -> None:
    keep(cast.books, [payment(1, 45_000, at=f"{today()} 00:00:01")])
    post(cast.books)
    lan = come_in(cast, log)
    number = apply_for(lan, stall="a1")
    shown = cast.sign_in("board").get(f"/board/cho-a/application?number={number}").text
    assert said("board_applications.conflict") in shown and "Cô Ba" in shown and "Nguyễn Thị Lan" in shown
    assert decide(cast, number, "approve").status_code == 409
    assert decide(cast, number, "approve", who="new").status_code == 303
    # From tomorrow on, so that a day's takings have one owner.
    assert ask(cast, NOW_AT, stall="A1") == [(tomorrow(), "Nguyễn Thị Lan", LAN, "0123456789", "trading")]
    old, new = ask(cast, CODES, stall="A1")
    assert (old[2], new[1:]) == (tomorrow(), (tomorrow(), None, "0123456789"))
    assert any(tomorrow().strftime("%d/%m/%Y") in each for each in told(log, VENDOR_PHONE))
    (ids,) = ask(cast, "SELECT array_agg(id ORDER BY id) FROM merchant WHERE phone IN (:a, :b)", a=VENDOR_PHONE, b=LAN)
    stall_id = ask(cast, "SELECT stall_id FROM code WHERE serial = :s", s=new[0])[0][0]
    month, moment = f"{today():%Y-%m}", clock.now()
    with cast.books.session() as session:
        books = [revenue_book.open_book(session, stall_id, each, month, moment=moment) for each in ids[0]]
    assert [book.total for book in books] == [45_000, 0]
    assert "45.000" in cast.sign_in("vendor").get("/stall").text and "45.000" not in lan.get("/stall").text
    assert verify.verify(cast.books).ok


def test_the_same_person_with_a_new_number_keeps_her_books_and_the_old_number_is_told(cast: Cast, log: Log) -> None:
    cast.sign_in("vendor").get("/stall")
    number = apply_for(come_in(cast, log), stall="A1", name="Cô Ba", account="1000001")
    before = ask(cast, CODES, stall="A1")
    assert decide(cast, number, "approve", who="same").status_code == 303
    assert ask(cast, "SELECT count(*) FROM merchant WHERE name = 'Cô Ba' AND phone = :p", p=LAN) == [(1,)]
    assert ask(cast, CODES, stall="A1") == before  # the account is the same, and so is the code
    assert said("joining.told.phone", stall="A1", market="Chợ cho-a", since=f"{today():%d/%m/%Y}") in told(
        log, VENDOR_PHONE
    )
    assert cast.sign_in("vendor").get("/stall").status_code == 303  # a lost phone opens nothing any more


def test_of_two_who_ask_for_a_stall_one_gets_it_and_the_other_is_told_no(cast: Cast, log: Log) -> None:
    first = apply_for(come_in(cast, log), stall="E1")
    second = apply_for(come_in(cast, log, "0988000222"), stall="e1", name="Trần Văn Nam", account="555")
    page = f"/board/cho-a/application?number={second}"
    shown = cast.sign_in("board").get(page).text
    assert "Nguyễn Thị Lan" in shown and "Trần Văn Nam" in shown
    # Whoever looked before the second one came has not seen the conflict.
    blind = cast.sign_in("board").submit(
        page, "/board/cho-a/application", number=str(first), step="approve", seen="free::"
    )
    assert blind.status_code == 409
    assert decide(cast, second, "approve").status_code == 303
    assert (state(cast, first), state(cast, second)) == ("declined", "approved")
    assert said("joining.told.declined", stall="E1", market="Chợ cho-a") in told(log, LAN)
    assert ask(cast, NOW_AT, stall="E1")[0][1] == "Trần Văn Nam"


def test_two_clerks_who_approve_rivals_at_once_give_the_stall_to_one(cast: Cast, log: Log) -> None:
    """One waits for the other, and then learns that things have changed."""
    numbers = [apply_for(come_in(cast, log, phone), stall="E1") for phone in (LAN, "0988000222")]
    cast.sign_in("board"), cast.sign_in("operator")
    with ThreadPoolExecutor(2) as clerks:
        asked = [
            clerks.submit(decide, cast, number, "approve", by=by)
            for number, by in zip(numbers, ("board", "operator"), strict=True)
        ]
        assert sorted(each.result().status_code for each in asked) == [303, 409]
    assert sorted(state(cast, number) for number in numbers) == ["approved", "declined"]
    assert len(ask(cast, CODES, stall="E1")) == 1


def test_a_namesake_without_a_phone_on_the_roll_is_for_the_board_to_know(cast: Cast, log: Log) -> None:
    with cast.books.session() as session:
        import_roll(session, cast.street.market, "F1;A;Rau;Bà Không;;;;;;;")
        session.commit()
    number = apply_for(come_in(cast, log), stall="F1", name="ba khong")
    shown = cast.sign_in("board").get(f"/board/cho-a/application?number={number}").text
    assert said("board_applications.relation.likely") in shown and "checked" in shown
    assert decide(cast, number, "approve", who="same").status_code == 303
    assert ask(cast, NOW_AT, stall="F1")[0][:4] == (today(), "ba khong", LAN, "0123456789")
    assert ask(cast, "SELECT count(*) FROM merchant WHERE phone = :p", p=LAN) == [(1,)]


def test_an_account_that_is_somebodys_virtual_one_is_refused_as_in_a_roll(cast: Cast, log: Log) -> None:
    number = apply_for(come_in(cast, log), account="VA0005", bank="970418")
    refused = decide(cast, number, "approve")
    assert refused.status_code == 422 and "VA0005" in refused.text and state(cast, number) == "submitted"
    assert ask(cast, NOW_AT, stall="K7") == []


# --- who may learn what


def test_apply_answers_alike_whether_a_phone_or_stall_is_known_or_not(cast: Cast, log: Log) -> None:
    answers = []
    for phone in (VENDOR_PHONE, LAN):
        browser = cast.stranger()
        asked = browser.submit("/apply", "/apply/phone", phone=phone)
        page = browser.get("/apply/code").text
        answers.append((asked.status_code, asked.headers["location"], re.sub('value="[0-9a-f]{64}"', "", page)))
    assert answers[0] == answers[1]
    assert [re.sub(r"\d{6}", "", told(log, phone)[-1]) for phone in (VENDOR_PHONE, LAN)] == [
        re.sub(r"\d{6}", "", said("joining.code_message", code=""))
    ] * 2
    lan = come_in(cast, log, "0988000333")
    taken, free = (lan.submit("/apply", "/apply", **fields(stall=stall)) for stall in ("A1", "Z99"))
    pages = [lan.get(each.headers["location"]).text for each in (taken, free)]
    plain = [re.sub(r'value="[0-9a-f]{64}"|number" value="\d+|number=\d+|A1|Z99', "", each) for each in pages]
    assert plain[0] == plain[1] and "Cô Ba" not in pages[0]


def test_an_application_is_its_vendors_its_helpers_and_its_boards(cast: Cast, log: Log) -> None:
    number = apply_for(come_in(cast, log))
    other = come_in(cast, log, "0988000444")
    for path in (f"/apply?number={number}", f"/apply/consent?number={number}"):
        assert other.get(path).status_code == 404
    assert other.submit("/apply", "/apply/withdrawal", number=str(number)).status_code == 404
    assert cast.sign_in("helper").get(f"/field/cho-a/application?number={number}").status_code == 404
    assert cast.sign_in("other_board").get(f"/board/cho-b/application?number={number}").status_code == 404
    assert other.submit("/apply", "/apply", number=str(number), **fields()).status_code == 404


def test_codes_and_applications_are_slowed(cast: Cast, log: Log) -> None:
    strangers = throttle.STRANGERS, f"{today()}"
    with cast.books.session() as session:  # a day on which somebody asked for very many
        throttle.count(session, cast.books.vault, clock.now(), strangers)
        session.execute(text("UPDATE throttle SET failures = 600, open_at = now() + interval '1 minute'"))
        session.commit()
    assert cast.stranger().submit("/apply", "/apply/phone", phone="0988000666").status_code == 429
    assert cast.stranger().submit("/signin", "/signin/phone", phone=VENDOR_PHONE).status_code == 303  # vendors come in
    with cast.books.session() as session:
        throttle.forgive(session, cast.books.vault, strangers)
        session.commit()
    asked = [cast.stranger().submit("/apply", "/apply/phone", phone=LAN).status_code for _ in range(3)]
    assert asked == [303, 303, 429]
    assert cast.stranger().submit("/signin", "/signin/phone", phone=LAN).status_code == 429  # one count for both doors
    lan = come_in(cast, log, "0988000555")
    filled = [lan.submit("/apply", "/apply", **fields(stall=f"S{n}")).status_code for n in range(10)]
    assert filled[0] == 303 and filled[-1] == 429


WRONG = (
    ("stall", " ", "application.bad_stall"),
    ("name", "", "application.bad_name"),
    ("name", "x" * 81, "application.bad_name"),
    ("bank", "999999", "application.bad_bank"),
    ("account", "12-34-#", "application.bad_account"),
    ("account_name", "", "application.bad_account_name"),
    ("market", "cho-z", "application.no_market"),
)


def test_what_is_wrong_is_said_and_what_was_typed_stays(cast: Cast) -> None:
    for field, value, key in WRONG:
        answer = cast.sign_in("vendor").submit("/apply", "/apply", **fields(**{field: value}))
        assert answer.status_code == 422 and said(key) in answer.text
        assert ("NGUYEN THI LAN" in answer.text) == (field != "account_name")
    assert ask(cast, "SELECT count(*) FROM application") == [(0,)]


def test_the_same_stall_twice_is_one_application(cast: Cast, log: Log) -> None:
    lan = come_in(cast, log)
    number = number_in(lan.submit("/apply", "/apply", **fields()))
    assert number_in(lan.submit("/apply", "/apply", **fields(account="77"))) == number  # the draft is gone on with
    lan.submit("/apply", "/apply/consent", number=str(number), agreed="true")
    again = lan.submit("/apply", "/apply", **fields())
    assert again.status_code == 409 and said("application.already", stall="K7") in again.text
    assert lan.submit("/apply", "/apply/withdrawal", number=str(number)).status_code == 303
    assert state(cast, number) == "withdrawn" and decide(cast, number, "approve").status_code == 409
    assert apply_for(lan) != number


# --- another account, another phone


def change(cast: Cast, **other: str) -> int:
    vendor = cast.sign_in("vendor")
    held = str(ask(cast, "SELECT id FROM stall WHERE number = 'A1' ORDER BY id LIMIT 1")[0][0])
    return number_in(vendor.submit("/stall/account", held=held, **fields(account="8888") | other))


def test_another_account_is_a_new_approval_tells_the_old_phone_and_changes_the_code(cast: Cast, log: Log) -> None:
    others = str(ask(cast, "SELECT id FROM stall WHERE number = 'A2' ORDER BY id LIMIT 1")[0][0])
    assert cast.sign_in("vendor").submit("/stall/account", held=others, **fields()).status_code == 404
    number = change(cast)
    vendor = cast.sign_in("vendor")
    assert vendor.submit("/stall/account", "/stall/account/consent", number=str(number), agreed="1").status_code == 303
    assert told(log, VENDOR_PHONE) == [said("joining.told.change_asked", stall="A1", market="Chợ cho-a")]
    old = ask(cast, CODES, stall="A1")
    assert len(old) == 1 and old[0][2] is None  # until it is approved the old one is good
    assert decide(cast, number, "approve").status_code == 303
    assert len(told(log, VENDOR_PHONE)) == 3  # approved, and: not you?
    was, new = ask(cast, CODES, stall="A1")
    assert was[2] == tomorrow() and new[1:] == (tomorrow(), None, "8888")
    assert ask(cast, NOW_AT, stall="A1") == [(tomorrow(), "Cô Ba", VENDOR_PHONE, "8888", "trading")]
    # Today's payments still find her, tomorrow's by the new account.
    keep(cast.books, [payment(1, 45_000, at=f"{today()} 00:00:01")])
    post(cast.books)
    assert ask(cast, "SELECT kind FROM entry") == [("sale",)] and verify.verify(cast.books).ok


def test_another_phone_is_proved_by_its_own_code_and_the_old_one_is_told(cast: Cast, log: Log) -> None:
    number = change(cast, phone=LAN, account="1000001")
    vendor, path = cast.sign_in("vendor"), "/stall/account/consent"
    right = code_for(log, LAN)
    wrong = "000000" if right != "000000" else "000001"
    assert vendor.submit("/stall/account", path, number=str(number), agreed="1", code=wrong).status_code == 422
    assert vendor.submit("/stall/account", path, number=str(number), agreed="1", code=right).status_code == 303
    assert decide(cast, number, "approve").status_code == 303
    when = f"{today():%d/%m/%Y}"
    assert told(log, VENDOR_PHONE)[-1] == said("joining.told.phone", stall="A1", market="Chợ cho-a", since=when)
    assert ask(cast, NOW_AT, stall="A1")[0][2] == LAN
    assert vendor.get("/stall").status_code == 303
    assert "A1" in come_in(cast, log).get("/stall").text


def test_a_change_of_somebody_who_has_gone_meanwhile_can_only_be_declined(cast: Cast, log: Log) -> None:
    number = change(cast)
    vendor = cast.sign_in("vendor")
    vendor.submit("/stall/account", "/stall/account/consent", number=str(number), agreed="1")
    with cast.books.session() as session:
        import_roll(session, cast.street.market, "A1;A;Rau;Cô Mới;0912999999;;;VCB;1000001;NGUYEN;")
        session.commit()
    refused = decide(cast, number, "approve")
    assert refused.status_code == 409 and said("application.gone", stall="A1") in refused.text
    assert decide(cast, number, "decline", reason="đã sang tên").status_code == 303


# --- leaving


def test_who_is_to_have_the_stall_later_inherits_neither_a_change_nor_a_leaving(cast: Cast, log: Log) -> None:
    later = today() + timedelta(days=9)
    with cast.books.session() as session:
        row = f"A1;A;Rau;Cô Mới;0912999999;;{later};VCB;4444;NGUYEN MOI;"
        assert not import_roll(session, cast.street.market, row).errors
        session.commit()
    number, vendor = change(cast), cast.sign_in("vendor")
    vendor.submit("/stall/account", "/stall/account/consent", number=str(number), agreed="1")
    assert decide(cast, number, "approve").status_code == 409
    held = str(ask(cast, "SELECT id FROM stall WHERE number = 'A1' ORDER BY id LIMIT 1")[0][0])
    left = vendor.submit("/stall/leave", held=held, reason="tax", afterwards="closed")
    assert left.status_code == 409 and said("leaving.planned", stall="A1") in left.text
    assert ask(cast, NOW_AT, stall="A1") == [(later, "Cô Mới", "0912999999", "4444", "trading")]


@pytest.mark.parametrize(("afterwards", "status"), [("trading", "trading"), ("closed", "closed")])
def test_leaving_ends_the_code_today_and_the_account_tomorrow(
    cast: Cast, log: Log, afterwards: str, status: str
) -> None:
    held = str(ask(cast, "SELECT id FROM stall WHERE number = 'A1' ORDER BY id LIMIT 1")[0][0])
    vendor = cast.sign_in("vendor")
    assert vendor.submit("/stall/leave", held=held, reason="tax").status_code == 422
    left = vendor.submit("/stall/leave", held=held, reason="tax", afterwards=afterwards)
    assert said("leaving.done", stall="A1") in vendor.get(left.headers["location"]).text
    assert said("leaving.done", stall="B1") not in vendor.get("/stall/leave?done=B1").text
    ((since, name, _, account, now),) = ask(cast, NOW_AT, stall="A1")
    assert (since, account, now) == (tomorrow(), None, status) and (name == "Cô Ba") == (status == "trading")
    assert ask(cast, CODES, stall="A1")[0][2] == today()
    assert said("joining.told.left", stall="A1", market="Chợ cho-a") in told(log, VENDOR_PHONE)
    keep(cast.books, [payment(1, 45_000, at=f"{today()} 00:00:01")])
    post(cast.books)
    assert ask(cast, "SELECT kind FROM entry") == [("sale",)]  # today's money is still hers
    assert vendor.submit("/stall/leave", held=held, reason="tax", afterwards=afterwards).status_code == 422
    assert ask(cast, "SELECT month, reason FROM leaving") == [(today().replace(day=1), "tax")]
    kept = ask(cast, "SELECT what, coalesce(before::text, '') || after::text FROM audit WHERE what = 'vendor.leave'")
    assert len(kept) == 1 and "tax" not in kept[0][1]
