"""What is kept about a vendor: all of it is shown and given to her, and an erasure leaves nothing that leads to her."""

import io
import json
import re
import zipfile
from datetime import timedelta

from sqlalchemy import text

from ground import clock, words
from ground.clock import today
from ground.store import Store
from merchants.merchant import NAMELESS
from payments import indicator, replay, seal, stall_day, verify
from portal import kept_kind
from portal.kept_kind import KINDS
from tests.applicant import LAN, apply_for, ask, come_in, decide
from tests.cast import VENDOR_PHONE, Browser, Cast
from tests.messages import Log
from tests.world import keep, post
from tests.world import told as payment

NAME, HOLDER, ACCOUNT = "Nguyễn Thị Lan", "NGUYEN THI LAN", "0123456789"
TRACES = (NAME, HOLDER, LAN, "Tên chủ tài khoản không khớp")


def traces(books: Store, *wanted: str) -> set[str]:
    """Every table and column of the books in which one of these texts stands, in clear or as bytes."""
    forms = [form for each in wanted for form in (each, each.encode().hex())]
    with books.engine.connect() as connection:

        def has(table: str, what: str) -> bool:
            found = " OR ".join(f"position(:w{n} in CAST({what} AS text)) > 0" for n in range(len(forms)))
            query = text(f"SELECT EXISTS (SELECT FROM {table} AS r WHERE {found})")
            return bool(connection.execute(query, {f"w{n}": form for n, form in enumerate(forms)}).scalar_one())

        columns = text("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'")
        all_ = connection.execute(columns).all()
        guilty = {table for table in {row.table_name for row in all_} if has(table, "r")}
        return {f"{table}.{column}" for table, column in all_ if table in guilty and has(table, f"r.{column}")}


def a_life(cast: Cast, log: Log) -> Browser:
    """Lan joins at K7 after a return, is paid twice, says one was no sale, declares cash, and leaves."""
    lan = come_in(cast, log)
    number = apply_for(lan)
    decide(cast, number, "return", reason=TRACES[-1])
    lan.submit("/apply", "/apply/consent", number=str(number), agreed="true")
    assert decide(cast, number, "approve").status_code == 303
    day = f"{today()} 00:00:01"
    keep(cast.books, [payment(n, n * 10_000, account=ACCOUNT, at=day, memo=f"{NAME} {n}") for n in (1, 2)])
    keep(cast.books, [payment(3, 70_000, account="1000002", at=day)])
    post(cast.books)
    apply_for(lan, stall="K8")  # one that stays unfinished
    return lan


def leave(cast: Cast, lan: Browser) -> None:
    held = str(ask(cast, "SELECT id FROM stall WHERE number = 'K7'")[0][0])
    assert lan.submit("/stall/leave", held=held, reason="fraud", afterwards="closed").status_code == 303


def figures(cast: Cast, month: str) -> object:
    """The rates, the rollup and the journal: what an erasure must leave alone."""
    with cast.books.session() as session:
        asked = indicator.rates(session, "market:cho-a", month, audience="internal", as_of=clock.now())
        told = [(each["indicator"], each["numerator"], each["N"]) for each in indicator.shown(asked)["figures"]]
    return told, ask(cast, "SELECT * FROM stall_day ORDER BY 1, 2, 3"), ask(cast, "SELECT * FROM entry ORDER BY id")


def test_every_table_of_the_books_is_shown_to_her_or_is_none_of_hers(books: Store) -> None:
    """A new table has to be put into one of the two lists: nobody forgets to tell her."""
    with books.engine.connect() as connection:
        there = set(connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars())
    hers = {table for kind in KINDS for table in kind.tables}
    assert there == hers | kept_kind.NOT_HERS and not hers & kept_kind.NOT_HERS


def test_she_sees_every_kind_and_takes_it_all_away(cast: Cast, log: Log) -> None:
    lan = a_life(cast, log)
    page = lan.get("/stall/mine").text
    for kind in KINDS:
        for key in (f"kind.{kind.key}", f"keeping.{kind.key}", f"fate.{kind.fate}"):
            assert words.say(f"own_record.{key}", days=90) in page.replace("&#39;", "'")
    answer = lan.get("/stall/mine.zip")
    assert answer.headers["content-type"] == "application/zip" and answer.headers["cache-control"] == "no-store"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        told = json.loads(packed.read("tat-ca.json"))
        names = packed.namelist()
        lead = packed.read("doc-truoc.txt").decode()
        paid = next(packed.read(name).decode("utf-8-sig") for name in names if name.endswith("payments.csv"))
    assert [row["Số tiền (đồng)"] for row in told[words.say("own_record.kind.payments")]] == ["10000", "20000"]
    assert paid.splitlines()[0].startswith("Sạp,Ngày,Lúc") and "70000" not in str(told)
    assert told[words.say("own_record.kind.person")][0]["Tên"] == NAME
    assert {row["Trạng thái"] for row in told[words.say("own_record.kind.applications")]} == {"đã duyệt", "chờ duyệt"}
    assert "Chú Tư" not in str(told) and "152/2025" in page and LAN in lead


def test_she_sees_nothing_of_who_had_the_stall_before_or_has_it_after_her(cast: Cast, log: Log) -> None:
    yesterday = today() - timedelta(days=1)
    keep(cast.books, [payment(1, 45_000, at=f"{yesterday} 00:00:01"), payment(2, 46_000, at=f"{today()} 00:00:01")])
    post(cast.books)
    lan = come_in(cast, log)
    assert decide(cast, apply_for(lan, stall="A1"), "approve", who="new").status_code == 303

    def told(browser: Browser) -> str:
        with zipfile.ZipFile(io.BytesIO(browser.get("/stall/mine.zip").content)) as packed:
            return packed.read("tat-ca.json").decode()

    assert "45000" in told(cast.sign_in("vendor")) and "46000" in told(cast.sign_in("vendor"))
    assert not re.search("4[56]000|Cô Ba|1000001", told(lan)) and not re.search("45.000|46.000", lan.get("/stall").text)
    assert NAME not in told(cast.sign_in("vendor"))


def test_an_erasure_waits_until_she_left_and_leaves_no_trace_of_her_nor_a_difference_in_the_books(
    cast: Cast, log: Log
) -> None:
    lan = a_life(cast, log)
    refused = lan.submit("/stall/mine", "/stall/mine/erasure", agreed="true")
    assert refused.status_code == 409 and words.say("own_record.leave_first") in refused.text
    leave(cast, lan)
    assert lan.submit("/stall/mine", "/stall/mine/erasure").status_code == 422
    assert len(traces(cast.books, *TRACES)) > 5
    before = figures(cast, f"{today():%Y-%m}")
    gone = lan.submit("/stall/mine", "/stall/mine/erasure", agreed="true")
    assert gone.status_code == 200 and words.say("own_record.gone") in gone.text
    assert words.say("own_record.why.payments") in gone.text
    assert traces(cast.books, *TRACES) == set()
    # What stays, and as the page says it does: the account's number, and what was paid to it.
    assert traces(cast.books, ACCOUNT) == {"account.number", "code.payload", "notice.account", "feed.number"}
    assert figures(cast, f"{today():%Y-%m}") == before
    with cast.books.session() as session:
        stall_day.rebuild(session)
        session.commit()
    assert figures(cast, f"{today():%Y-%m}") == before
    checked = verify.verify(cast.books)
    assert checked.ok, checked.differences  # the audit's chain among it
    assert lan.get("/stall").status_code == 303
    serial = ask(cast, "SELECT serial FROM code JOIN stall s ON s.id = stall_id WHERE s.number = 'K7'")[0][0]
    placard = cast.stranger().get(
        f"/v/{serial}"
    )  # who holds her old one learns that it is revoked, and not whose it was
    assert placard.status_code == 200 and NAMELESS in placard.text
    assert ask(cast, "SELECT what FROM audit ORDER BY number DESC LIMIT 1") == [("vendor.erase",)]
    again = come_in(cast, log)  # the same phone is a stranger's now
    assert NAME not in again.get("/stall/mine").text and "10.000" not in again.get("/stall").text


def test_what_was_sealed_and_told_before_an_erasure_still_proves_true(cast: Cast, log: Log) -> None:
    memo = f"rau {cast.street.token('A1')}"
    keep(cast.books, [payment(n, n * 10_000, at=f"2026-10-0{n} 08:30:00", memo=memo) for n in range(1, 6)])
    keep(cast.books, [payment(9, 70_000, account="1000002")])
    post(cast.books)
    sealed = seal.seal(cast.books, "market:cho-a", "2026-10", by="test")
    before = figures(cast, "2026-10")
    vendor = cast.sign_in("vendor")
    held = str(ask(cast, "SELECT stall_id FROM code WHERE serial = :s", s=cast.street.codes["A1"]["serial"])[0][0])
    vendor.submit("/stall/leave", held=held, reason="other", afterwards="trading")
    assert vendor.submit("/stall/mine", "/stall/mine/erasure", agreed="true").status_code == 200
    assert traces(cast.books, "Cô Ba", "NGUYEN THI BA", VENDOR_PHONE) == set()
    left = ask(cast, "SELECT external_id FROM notice WHERE raw IS NOT NULL OR memo IS NOT NULL")
    assert left == [("9",)]  # her customers' memos are gone, her neighbour's are not
    assert figures(cast, "2026-10") == before
    assert replay.replay(cast.books, everything=True).posted == 0
    checked = verify.verify(cast.books)
    assert checked.ok and checked.seals == 1, checked.differences
    again = seal.seal(cast.books, "market:cho-a", "2026-10", by="test")
    assert (again.is_new, again.sha256) == (False, sealed.sha256)
