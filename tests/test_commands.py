"""The command line: exit codes, one JSON document on stdout, reasons on stderr in either language."""

import io
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from PIL import Image
from sqlalchemy import text
from sqlmodel import Session

from ground import clock
from ground.settings import Settings
from ground.store import Store
from merchants import qr_image, token, vietqr
from tests.shell import Answer, run, start
from tests.world import HEADINGS, STREET, VUNG_TAU, keep, told

COUNTS = ("market", "rows", "added", "changed", "unchanged", "closed")


@pytest.fixture
def roll(tmp_path: Path) -> Path:
    return written(tmp_path, STREET.strip())


def written(folder: Path, lines: str, headings: str = HEADINGS) -> Path:
    file = folder / "roll.csv"
    file.write_text(f"{headings}\n{lines}\n", "utf-8")
    return file


@pytest.fixture
def market(books: Store, test_settings: Settings) -> Settings:
    """The settings of books with one market in them that has no roll yet."""
    add = ("market", "add", "cho-a", "--name", "Chợ A", "--ward", VUNG_TAU, "--since", "2026-01-01")
    assert run(test_settings, *add).code == 0
    return test_settings


def imported(settings: Settings, file: Path, *words: str, **more: str) -> Answer:
    return run(settings, "roll", "import", file, "--market", "cho-a", *words, "--format", "json", **more)


def counts(done: Answer) -> tuple[Any, ...]:
    return tuple(done.document[name] for name in COUNTS)


# --- roll import


def test_roll_import_answers_with_the_contracts_document(market: Settings, roll: Path) -> None:
    done = imported(market, roll)
    assert (done.code, done.err) == (0, "")
    assert done.document == {
        "market": "cho-a",
        "rows": 7,
        "added": 7,
        "changed": 0,
        "unchanged": 0,
        "closed": 0,
        "errors": [],
        "unlisted_errors": 0,
        "stale_codes": [],
    }
    assert counts(imported(market, roll)) == ("cho-a", 7, 0, 0, 7, 0)


def test_an_excel_file_on_a_given_day(market: Settings, tmp_path: Path) -> None:
    file = tmp_path / "danh sách sạp.xlsx"
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "DANH SÁCH TIỂU THƯƠNG")
        for row, line in enumerate([HEADINGS, *STREET.strip().splitlines()], 3):
            sheet.write_row(row, 0, line.split(";"))
    assert counts(imported(market, file)) == ("cho-a", 7, 7, 0, 0, 0)
    assert counts(imported(market, written(tmp_path, STREET.strip().replace("Rau", "Hoa")), "--on", "01/05/2026")) == (
        "cho-a",
        7,
        0,
        1,
        6,
        0,
    )


def test_a_dry_run_says_and_changes_nothing(market: Settings, roll: Path) -> None:
    assert counts(imported(market, roll, "--dry-run")) == ("cho-a", 7, 7, 0, 0, 0)
    assert counts(imported(market, roll, "--dry-run")) == ("cho-a", 7, 7, 0, 0, 0)
    imported(market, roll)
    short = written(roll.parent, "\n".join(STREET.strip().splitlines()[:6]))
    assert counts(imported(market, short, "--complete", "--dry-run")) == ("cho-a", 6, 0, 0, 6, 1)
    assert counts(imported(market, short, "--complete")) == ("cho-a", 6, 0, 0, 6, 1)
    assert counts(imported(market, short, "--complete")) == ("cho-a", 6, 0, 0, 6, 0)


def test_errors_are_a_document_and_sentences_and_import_nothing(market: Settings, tmp_path: Path, books: Store) -> None:
    faulty = written(tmp_path, "A1;;;Cô Ba;12;;;VCB;1;;\nA2;;;Chú Tư;;;32/01/2026;Ngân hàng Xyz;2;;")
    done = imported(market, faulty)
    assert done.code == 1
    assert counts(done) == ("cho-a", 2, 0, 0, 0, 0)
    errors = [(error["row"], error["column"], error["value"]) for error in done.document["errors"]]
    assert errors == [(2, "Điện thoại", "12"), (3, "Từ ngày", "32/01/2026"), (3, "Ngân hàng", "Ngân hàng Xyz")]
    assert all(error["reason"] in done.err for error in done.document["errors"])
    assert "Errors: 3. Nothing was imported." in done.err
    vietnamese = imported(market, faulty, MARKET_LANGUAGE="vi")
    assert "Có 3 lỗi, chưa nhập dòng nào" in vietnamese.err
    assert vietnamese.document["errors"][0]["reason"].startswith("Không phải một số điện thoại")
    table = run(market, "roll", "import", faulty, "--market", "cho-a")
    assert (table.code, table.out) == (1, "")
    with books.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM stall")).scalar_one() == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"T\xc3\xaan;Tu\xe1\xbb\x95i\nLan;40\n", "no row of headings"),
        ("Chủ hộ;Điện thoại\nLan;0912000001\n".encode(), "stall"),
        (b"Stall;Phone\nA1;\n", "merchant"),
        (b"<html><table><tr><td>Stall</td></tr></table></html>", ""),
        (b"%PDF-1.7", ""),
        (b"", ""),
    ],
    ids=["no heading", "no stall", "no merchant", "html", "pdf", "empty"],
)
def test_what_is_no_roll_is_refused_with_a_document_too(
    market: Settings, tmp_path: Path, content: bytes, said: str
) -> None:
    file = tmp_path / "roll.xlsx"
    file.write_bytes(content)
    done = imported(market, file)
    assert done.code == 1
    (error,) = done.document["errors"]
    assert said in done.err and error["reason"] == done.err.strip()
    assert counts(done) == ("cho-a", 0, 0, 0, 0, 0)
    assert "Traceback" not in done.err


def test_a_file_that_is_not_there_is_refused(market: Settings, tmp_path: Path) -> None:
    done = run(market, "roll", "import", tmp_path / "no.csv", "--market", "cho-a")
    assert (done.code, done.out) == (1, "")
    assert "no.csv" in done.err


def test_codes_that_no_longer_fit_the_roll_are_named(market: Settings, roll: Path) -> None:
    imported(market, roll)
    (code, *_) = run(market, "codes", "issue", "--market", "cho-a", "--format", "json").document
    done = imported(market, written(roll.parent, STREET.strip().replace(";1000001;", ";1000009;")))
    assert done.document["stale_codes"] == [code["serial"]]
    assert code["serial"] in done.err and done.code == 0


# --- codes


@pytest.fixture
def coded(market: Settings, roll: Path) -> tuple[Settings, list[dict[str, Any]]]:
    imported(market, roll)
    done = run(market, "codes", "issue", "--market", "cho-a", "--since", "2026-02-01", "--format", "json")
    assert (done.code, done.err) == (0, "")
    return market, done.document


Coded = tuple[Settings, list[dict[str, Any]]]


def test_codes_issued_are_codes_listed(coded: Coded) -> None:
    settings, issued = coded
    assert run(settings, "codes", "list", "--market", "cho-a", "--format", "json").document == issued
    assert [row["stall"] for row in issued] == ["A1", "A2", "B1", "B2", "C1"]
    assert {row["live_from"] for row in issued} == {"2026-02-01"}
    assert run(settings, "codes", "issue", "--market", "cho-a", "--format", "json").document == []
    table = run(settings, "codes", "list", "--market", "cho-a").out
    assert all(row["serial"] in table and row["token"] in table for row in issued)


def test_a_code_is_revoked_with_a_reason(coded: Coded) -> None:
    settings, (first, *_) = coded
    assert run(settings, "codes", "revoke", first["serial"]).code == 2
    assert run(settings, "codes", "revoke", first["serial"], "--reason", " ").code == 1
    assert run(settings, "codes", "revoke", "C999", "--reason", "x").code == 1
    assert run(settings, "codes", "revoke", first["serial"], "--reason", "lost", "--on", "2026-05-01").code == 0
    again = run(settings, "codes", "revoke", first["serial"], "--reason", "lost", MARKET_LANGUAGE="vi")
    assert again.code == 1 and "đã bị thu hồi từ ngày 01/05/2026" in again.err
    row = run(settings, "codes", "list", "--market", "cho-a", "--format", "json").document[0]
    assert row["revoked_at"].endswith("Z") and row["revoked_on"] == "2026-05-01"


def check(settings: Settings, what: object, **more: str) -> tuple[int, dict[str, Any]]:
    done = run(settings, "codes", "check", what, "--format", "json", **more)
    assert done.err == ""
    return done.code, done.document


def test_a_payload_is_checked(coded: Coded) -> None:
    settings, (first, second, *_) = coded
    code, found = check(settings, first["payload"])
    assert code == 0
    assert found == {
        "verdict": "genuine",
        "reason": "The genuine code of stall A1.",
        "serial": first["serial"],
        "market": "cho-a",
        "stall": "A1",
        "fields": {
            "01": "11",
            "38": {"00": "A000000727", "01": {"00": "970436", "01": "1000001"}, "02": "QRIBFTTA"},
            "53": "704",
            "58": "VN",
            "62": {"08": first["token"]},
        },
    }
    forged = vietqr.write(bin="970436", account="6666", token=first["token"], amount=20_000)
    code, found = check(settings, forged)
    assert (code, found["verdict"], found["fields"]["54"]) == (1, "foreign", "20000")
    assert "FORGED" in found["reason"] and "6666" in found["reason"]
    assert check(settings, forged, MARKET_LANGUAGE="vi")[1]["reason"].startswith("MÃ GIẢ")
    run(settings, "codes", "revoke", second["serial"], "--reason", "lost")
    code, found = check(settings, second["payload"])
    assert (code, found["verdict"], found["serial"]) == (1, "revoked", second["serial"])
    code, found = check(settings, first["payload"][:-1])
    assert (code, found["verdict"], found["fields"], found["serial"]) == (1, "unreadable", None, None)
    assert check(settings, "x" * 5000)[1]["verdict"] == "unreadable"


def test_an_image_is_checked(coded: Coded, tmp_path: Path) -> None:
    settings, (first, *_) = coded
    file = tmp_path / "placard.png"
    file.write_bytes(qr_image.png(first["payload"]))
    assert check(settings, file)[0] == 0
    picture = Image.open(io.BytesIO(qr_image.png(first["payload"]))).convert("L")
    turned = tmp_path / "ảnh chụp.jpg"
    picture.rotate(17, Image.Resampling.BICUBIC, expand=True, fillcolor=200).save(turned, "JPEG", quality=70)
    assert check(settings, turned)[1]["serial"] == first["serial"]
    file.write_bytes(qr_image.png(vietqr.write(bin="970436", account="6666", token=first["token"])))
    assert check(settings, file)[1]["verdict"] == "foreign"
    file.write_bytes(b"not a picture")
    assert check(settings, file)[1]["verdict"] == "unreadable"
    code, found = check(settings, tmp_path / "gone.png")
    assert (code, found["verdict"]) == (1, "unreadable")
    assert "gone.png" in found["reason"]


def test_the_verdict_is_told_to_people_too(coded: Coded) -> None:
    settings, (first, *_) = coded
    done = run(settings, "codes", "check", first["payload"], MARKET_LANGUAGE="vi")
    assert (done.code, done.out) == (0, "genuine: Mã thật của sạp A1.\n")
    assert run(settings, "codes", "check", "hello").code == 1


# --- the books


def test_replay_rebuild_and_verify(coded: Coded, books: Store) -> None:
    settings, issued = coded
    keep(books, [told(1), told(2, account="1000003", memo=issued[3]["token"]), told(3, account="555")])
    done = run(settings, "replay")
    assert (done.code, done.err) == (0, "")
    assert "posted 3" in done.out
    assert "told_again 3" in run(settings, "replay", "--all").out
    proof = run(settings, "verify", "--format", "json")
    assert (proof.code, proof.document) == (0, {"ok": True, "entries": 3, "days": 2, "seals": 0, "differences": []})
    assert run(settings, "rebuild").code == 0
    with books.engine.begin() as connection:
        connection.execute(text("UPDATE stall_day SET sales_value = sales_value + 1"))
    broken = run(settings, "verify", "--format", "json")
    assert (broken.code, broken.document["ok"], len(broken.document["differences"])) == (1, False, 3)
    table = run(settings, "verify")
    assert table.code == 1 and table.out.startswith("NOT OK") and "rollup" in table.err
    assert run(settings, "rebuild").code == 0
    assert run(settings, "verify").code == 0


def test_rates_of_an_area(coded: Coded, books: Store) -> None:
    settings, _ = coded
    keep(books, [told(1)])
    run(settings, "replay")
    given = ("rates", "--area", "market:cho-a", "--period", "2026-10")
    document = run(settings, *given, "--audience", "internal", "--format", "json").document
    figures = {figure["indicator"]: figure["value"] for figure in document["figures"]}
    assert (figures["cashless_value"], figures["acceptance"]) == (20_000, 5 / 6)
    lines = run(settings, *given, "--format", "csv").out.splitlines()
    assert len(lines) == 1 + len(document["figures"])
    assert run(settings, *given).code == 0
    for words in (("--audience", "mayor"), ("--boundaries", "old"), ("--format", "xml")):
        assert run(settings, *given, *words).code == 2
    for area, period in (("market:cho-x", "2026-10"), ("ward:99999", "2026-10"), ("market:cho-a", "2026-13")):
        refused = run(settings, "rates", "--area", area, "--period", period)
        assert (refused.code, refused.out) == (1, "") and refused.err


# --- manners


@pytest.mark.parametrize(
    "words",
    [
        ("roll", "import"),
        ("roll", "import", "x.csv", "--market", "cho-a", "--on", "2026-02-30"),
        ("roll", "import", "x.csv", "--market", "cho-a", "--on", "tomorrow"),
        ("codes", "issue", "--market", "cho-a", "--since", "3026-01-01"),
        ("market", "add", "x", "--name", "X", "--ward", VUNG_TAU, "--since", "1/1/26"),
        ("market", "add", "x", "--name", "X", "--ward", VUNG_TAU, "--kind", "mall"),
        ("codes", "list", "--market", "cho-a", "--format", "xml"),
        ("codes", "shred"),
        ("pay",),
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_2_and_says_why(test_settings: Settings, words: tuple[str, ...]) -> None:
    done = run(test_settings, *words)
    assert (done.code, done.out) == (2, "")
    assert "Usage" in done.err and "Traceback" not in done.err


@pytest.mark.parametrize(
    "words",
    [
        ("roll", "import", __file__, "--market", "no"),
        ("codes", "issue", "--market", "no"),
        ("codes", "list", "--market", "no"),
        ("market", "move", "no", "--ward", VUNG_TAU, "--since", "2026-01-01"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_an_unknown_market_is_refused_in_both_languages(test_settings: Settings, words: tuple[str, ...]) -> None:
    english = run(test_settings, *words)
    assert (english.code, english.out, english.err) == (1, "", "No market has the code “no”.\n")
    vietnamese = "Không có chợ nào mang mã “no”.\n"
    assert run(test_settings, *words, MARKET_LANGUAGE="vi").err == vietnamese
    assert run(test_settings, *words, MARKET_LANGUAGE="", LANG="vi_VN.UTF-8").err == vietnamese
    assert run(test_settings, *words, MARKET_LANGUAGE="", LANG="de_DE.UTF-8").err == english.err


def test_settings_hide_what_is_secret(test_settings: Settings) -> None:
    secret = {"MARKET_SEPAY_API_KEY": "open sesame", "MARKET_SEPAY_HMAC_SECRET": "old,new"}
    done = run(test_settings, "settings", **secret)
    lines = dict(line.split("=", 1) for line in done.out.splitlines())
    assert done.code == 0
    assert (
        lines["MARKET_SEPAY_API_KEY"] == lines["MARKET_SEPAY_HMAC_SECRET"] == lines["MARKET_DATABASE_URL"] == "••••••"
    )
    assert lines["MARKET_SECRET_KEY"] == "••••••"
    assert lines["MARKET_LANGUAGE"] == "en" and lines["MARKET_BASE_URL"].startswith("http")
    for value in ("sesame", "old", "new", "postgresql"):
        assert value not in done.out + done.err
    assert "MARKET_SEPAY_API_KEY=\n" in run(test_settings, "settings", MARKET_SEPAY_API_KEY="").out


def test_words_in_brackets_are_shown_as_they_are(market: Settings, tmp_path: Path) -> None:
    imported(market, written(tmp_path, "[A1];;;Cô Ba [/b] :smile:;;;;VCB;1;;"))
    run(market, "codes", "issue", "--market", "cho-a")
    table = run(market, "codes", "list", "--market", "cho-a").out
    assert "[A1]" in table and "Cô Ba [/b] :smile:" in table


def test_the_whole_road_as_processes(test_settings: Settings, tmp_path: Path, books: Store) -> None:
    """Real processes: stdout is UTF-8 even where the locale says C, and holds the document alone."""
    add = ("market", "add", "cho-a", "--name", "Chợ A", "--ward", VUNG_TAU, "--since", "2026-01-01")
    assert run(test_settings, *add).code == 0
    file = written(tmp_path, "A1;;;Cô Ba;;;;VCB;1000001;;")
    done = start(test_settings, "roll", "import", file, "--market", "cho-a", "--format", "json", LANG="C")
    assert (done.code, done.err, done.document["added"]) == (0, "", 1)
    issued = start(test_settings, "codes", "issue", "--market", "cho-a", "--format", "json", LANG="C")
    (row,) = issued.document
    assert row["merchant"] == "Cô Ba" and token.is_token(row["token"])
    refused = start(test_settings, "codes", "list", "--market", "no", LANG="vi_VN.UTF-8", MARKET_LANGUAGE="")
    assert (refused.code, refused.out, refused.err) == (1, "", "Không có chợ nào mang mã “no”.\n")


def test_today_is_the_markets_day(coded: Coded, session: Session, tmp_path: Path) -> None:
    settings, _ = coded
    imported(settings, written(tmp_path, STREET.strip().replace("Rau", "Hoa")))
    changed = text("SELECT max(since) FROM stall_state")
    assert session.execute(changed).scalar_one() == clock.today() > date(2026, 1, 1)


def test_books_that_break_off_are_said_so(test_settings: Settings) -> None:
    assert test_settings.database_url is not None
    url = test_settings.database_url.get_secret_value()
    nowhere = run(test_settings, "verify", MARKET_DATABASE_URL=url.replace("test_", "nowhere_"))
    assert (nowhere.code, nowhere.out) == (1, "")
    assert "can't be reached" in nowhere.err and "Traceback" not in nowhere.err
    no_key = run(test_settings, "verify", MARKET_SECRET_KEY="")
    assert no_key.code == 1 and "MARKET_SECRET_KEY" in no_key.err
