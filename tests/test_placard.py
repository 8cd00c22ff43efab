"""Placards: every printed code reads back, the paper says what it must, and each print has its dated steps."""

import itertools
import json
import unicodedata
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import zxingcpp
from PIL import Image, ImageChops
from pypdf import PdfReader
from sqlalchemy import text
from sqlmodel import Session

from ground import clock, paper
from ground.refusal import Refusal
from ground.settings import Settings
from merchants import code, market, placard, placard_sheet, qr_image
from tests import pdf_eye
from tests.shell import run
from tests.world import Street, import_roll

ADDRESS = "https://cho.example.vn"
NOW = datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC)
VOWELS = "aăâeêioôơuưy"
TONES = ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")
LETTERS = [unicodedata.normalize("NFC", vowel + tone) for vowel in VOWELS for tone in TONES] + list("bcdđghklmnpqrstvx")


class Sheets(NamedTuple):
    pdf: bytes
    serials: list[str]


def print_out(session: Session, street: Street, size: str = "a6", **choice: Any) -> Sheets:
    """As the command does it."""
    chosen = placard_sheet.choose(placard_sheet.faces(session, street.market, clock.today()), **choice)
    drawn = placard_sheet.draw(street.market, chosen, size, base_url=ADDRESS, moment=NOW)
    codes = [face.code_id for face in chosen]
    placard.record_print(session, street.market, codes, size, by="the tests", moment=NOW)
    return Sheets(drawn, [face.serial for face in chosen])


def read(picture: Image.Image) -> list[zxingcpp.Barcode]:
    return zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))


def words_of(sheets: Sheets) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(sheets.pdf)).pages)


def many(session: Session, street: Street, count: int) -> None:
    """So many more stalls, with accounts of every length and names of every kind."""
    names = ["Ốc Đảo", "Hộ kinh doanh Nguyễn Hoàng Phương Quỳnh Như – Hải sản tươi sống", "Bà Sáu & con (2)", "ỨNG ỤT"]
    rows = [
        f"Z{n};Khu {n % 3};;{names[n % 4]} {n};;;;VCB;{str(n + 1) * (n % 9 + 1)};{'CHU TK' if n % 2 else ''};"
        for n in range(count)
    ]
    import_roll(session, street.market, "\n".join(rows), on=date(2026, 1, 1))
    code.issue(session, street.market, since=date(2026, 1, 1))


@pytest.mark.parametrize(("size", "on_a_sheet"), [("a6", 4), ("a5", 2)])
def test_every_code_of_every_sheet_reads_back(session: Session, street: Street, size: str, on_a_sheet: int) -> None:
    many(session, street, 14)
    made = print_out(session, street, size)
    issued = {row["serial"]: row["payload"] for row in code.every(session, street.market)}
    assert sorted(made.serials) == sorted(issued) and len(issued) == 19
    wanted = [issued[serial] for serial in made.serials]
    sheets = pdf_eye.pages(made.pdf)
    assert len(sheets) == placard_sheet.sheets(19, size) == -(-19 // on_a_sheet)
    for number, page in enumerate(sheets):
        payloads = wanted[number * on_a_sheet : (number + 1) * on_a_sheet]
        found = read(pdf_eye.paint(page))
        assert sorted(each.text for each in found) == sorted(payloads)
        assert {each.ec_level for each in found} == {"M"}
        assert all(payload.isascii() and payload == payload.upper() for payload in payloads)


def test_the_whole_picture_reads_and_the_quiet_zone_is_four_modules_of_white(session: Session, street: Street) -> None:
    content = placard_sheet.content(
        street.market, placard_sheet.faces(session, street.market, clock.today()), "a6", ADDRESS
    )
    dots = 200
    sheets = paper._compiler("placard", content).compile(format="png", ppi=dots)
    first, last = (Image.open(BytesIO(drawn)).convert("L") for drawn in sheets)
    found = [(sheet, each) for sheet in (first, last) for each in read(sheet)]
    assert sorted(each.text for _, each in found) == sorted(street.codes[s]["payload"] for s in street.codes)
    for sheet, each in found:
        modules = len(qr_image._matrix(each.text))
        module = 66 / (modules + 8) * dots / 25.4  # 66 mm, twice the quiet zone included
        corners = each.position.top_left, each.position.bottom_right
        x, y = (corners[0].x + corners[1].x) / 2, (corners[0].y + corners[1].y) / 2
        reach = (modules / 2 + 3.9) * module
        zone = ImageChops.invert(sheet.crop((round(x - reach), round(y - reach), round(x + reach), round(y + reach))))
        dark = zone.getbbox()
        assert dark is not None
        assert [dark[2] - dark[0], dark[3] - dark[1]] == pytest.approx([modules * module] * 2, abs=3)
        assert [dark[0], dark[1]] == pytest.approx([3.9 * module] * 2, abs=0.2 * module)


def test_a_placard_says_whose_it_is_and_never_the_whole_account(session: Session, street: Street) -> None:
    said = words_of(print_out(session, street, stalls=["a1"]))
    serial = street.codes["A1"]["serial"]
    wanted = ["Quét mã để trả tiền", "Sạp A1", "Cô Ba", "Chợ cho-a", "NGUYEN THI BA · Vietcombank ••••0001", "VietQR"]
    for phrase in (*wanted, serial, f"cho.example.vn/v/{serial}", "kiểm tra tên người nhận"):
        assert phrase in said
    assert "1000001" not in said


def test_a_virtual_account_is_shown_without_a_name_to_expect(session: Session, street: Street) -> None:
    said = words_of(print_out(session, street, stalls=["C1"]))
    assert "BIDV ••••0005" in said and "kiểm tra số cuối tài khoản" in said
    assert "PHAM THI NAM" not in said


def test_the_pdf_is_an_archivable_one_that_can_be_read_aloud(session: Session, street: Street) -> None:
    reader = PdfReader(BytesIO(print_out(session, street).pdf))
    root = reader.trailer["/Root"]
    assert root["/Lang"] == "vi" and root["/MarkInfo"]["/Marked"].value is True and "/StructTreeRoot" in root
    told = root["/Metadata"].get_data().decode()
    for mark in ("<pdfaid:part>2<", "<pdfaid:conformance>A<", "<pdfuaid:part>1<"):
        assert mark in told
    assert reader.metadata is not None and reader.metadata.title == "Biển mã QR – Chợ cho-a"
    assert reader.metadata.creation_date == NOW
    assert [entry.title for entry in reader.outline] == [f"Sạp {stall}" for stall in ("A1", "A2", "B1", "B2", "C1")]


def test_every_vietnamese_letter_is_printed(session: Session, street: Street) -> None:
    assert len(LETTERS) == 89
    for letters in (LETTERS, [letter.upper() for letter in LETTERS]):
        lines = ["".join(letters[start : start + 15]) for start in range(0, len(letters), 15)]
        rows = "\n".join(f"X{n};;;{line} ₫;;;;VCB;77{n};;" for n, line in enumerate(lines))
        import_roll(session, street.market, rows, on=date(2026, 1, 1))
        code.issue(session, street.market)
        made = print_out(session, street, stalls=[f"X{n}" for n in range(len(lines))])
        said = words_of(made)
        assert all(f"{line} ₫" in said for line in lines)
        for serial in made.serials:
            code.revoke(session, serial, reason="the next case")


def test_letters_no_font_has_cost_a_placard_those_letters_only(session: Session, street: Street) -> None:
    import_roll(session, street.market, "Y1;;;Lý 中文 Vĩnh 😀;;;;VCB;88;;\nY2;;;中文;;;;VCB;89;;", on=date(2026, 1, 1))
    code.issue(session, street.market)
    made = print_out(session, street, stalls=["Y1", "Y2"])
    assert "Lý Vĩnh" in words_of(made) and "中" not in words_of(made)
    assert len(read(pdf_eye.paint(pdf_eye.pages(made.pdf)[0]))) == 2


def test_placards_lie_in_the_order_one_walks(session: Session, street: Street) -> None:
    rows = "\n".join(f"S{n};Khu {s};;Hộ {n};;;;VCB;9{n};;" for n, s in ((10, 2), (9, 10), (2, 2), (100, 2)))
    import_roll(session, street.market, rows, on=date(2026, 1, 1))
    code.issue(session, street.market)
    faces = placard_sheet.faces(session, street.market, clock.today())
    assert [face.stall for face in faces if face.stall.startswith("S")] == ["S2", "S10", "S100", "S9"]


def test_revoked_codes_are_not_printed_and_coming_ones_are(session: Session, street: Street) -> None:
    code.revoke(session, street.codes["A1"]["serial"], reason="stolen")
    code.revoke(session, street.codes["A2"]["serial"], reason="leaves", on=clock.today() + timedelta(days=1))
    code.issue(session, street.market, since=clock.today() + timedelta(days=5))
    printed = {face.stall for face in placard_sheet.faces(session, street.market, clock.today())}
    assert printed == {"A1", "A2", "B1", "B2", "C1"}
    faces = placard_sheet.faces(session, street.market, clock.today())
    assert sum(face.stall == "A2" for face in faces) == 2, "today's and the next one's"


# --- the steps of a placard


def steps(session: Session, street: Street) -> list[tuple[str, str]]:
    return [(each.stall, each.step) for each in placard.every(session, street.market)]


def test_a_placard_is_printed_handed_over_damaged_and_replaced(session: Session, street: Street) -> None:
    serial = street.codes["A1"]["serial"]
    print_out(session, street, stalls=["A1"])
    assert steps(session, street) == [("A1", "printed")]
    placard.mark(session, serial, "handed_over", by="board")
    placard.mark(session, serial, "damaged", by="board")
    print_out(session, street, "a5", stalls=["A1"])
    assert steps(session, street) == [("A1", "damaged"), ("A1", "printed")]
    taken = placard.mark(session, serial, "handed_over", by="board")
    assert [each.step for each in taken] == ["handed_over", "replaced"]
    assert steps(session, street) == [("A1", "replaced"), ("A1", "handed_over")]
    told = session.execute(text("SELECT step, recorded_by, since FROM placard_step ORDER BY id")).all()
    assert [row[:2] for row in told][:2] == [("printed", "the tests"), ("handed_over", "board")]
    assert told[0].since == clock.business_date(NOW)


def test_a_revoked_codes_placards_are_revoked_on_its_day(session: Session, street: Street) -> None:
    serial, on = street.codes["A1"]["serial"], clock.today() - timedelta(days=3)
    print_out(session, street, stalls=["A1"])
    print_out(session, street, stalls=["A1"])
    placard.mark(session, serial, "handed_over", by="board")
    code.revoke(session, serial, reason="another bank", on=on)
    assert [(each.step, each.since) for each in placard.every(session, street.market)] == [
        ("replaced", clock.today()),
        ("revoked", on),
    ]
    with pytest.raises(Refusal) as caught:
        placard.mark(session, serial, "damaged", by="board")
    assert (caught.value.code, caught.value.status) == ("placard.not_now.revoked", 409)


@pytest.mark.parametrize("path", list(itertools.permutations(("handed_over", "damaged", "replaced"))))
def test_only_the_steps_of_the_table_are_taken(session: Session, street: Street, path: tuple[str, ...]) -> None:
    serial = street.codes["B1"]["serial"]
    print_out(session, street, stalls=["B1"])
    at = "printed"
    for step in path:
        if step in placard.STEPS[at]:
            placard.mark(session, serial, step, by="board")
            at = step
        else:
            with pytest.raises(Refusal, match=serial):
                placard.mark(session, serial, step, by="board")
        assert steps(session, street) == [("B1", at)]


def test_a_step_is_not_taken_before_the_last_nor_tomorrow(session: Session, street: Street) -> None:
    serial = street.codes["A1"]["serial"]
    with pytest.raises(Refusal, match="ever printed"):
        placard.mark(session, serial, "handed_over", by="board")
    print_out(session, street, stalls=["A1"])
    for day in (clock.business_date(NOW) - timedelta(days=1), clock.today() + timedelta(days=1)):
        with pytest.raises(Refusal) as caught:
            placard.mark(session, serial, "handed_over", by="board", on=day)
        assert caught.value.code == "placard.bad_day"


# --- the commands


def count(session: Session) -> int:
    return int(session.execute(text("SELECT count(*) FROM placard")).scalar_one())


def test_the_board_prints_a_market_a_section_a_stall_or_what_is_new(
    test_settings: Settings, session: Session, street: Street, tmp_path: Path
) -> None:
    def printed(*options: str) -> int:
        file = tmp_path / "out.pdf"
        answer = run(test_settings, "placards", "--market", "cho-a", "--out", file, *options, MARKET_BASE_URL=ADDRESS)
        assert (answer.code, answer.err) == (0, "")
        return sum(len(read(pdf_eye.paint(page))) for page in pdf_eye.pages(file.read_bytes()))

    assert printed("--section", "b", "--size", "a5") == 2
    assert printed("--new") == 3
    assert printed("--stall", "A1", "--stall", "c1") == 2
    assert printed() == 5
    assert count(session) == 12
    serial = street.codes["A1"]["serial"]
    answer = run(test_settings, "placard", "mark", serial, "--as", "handed_over", "--format", "json")
    assert [row["step"] for row in answer.document] == ["handed_over", "replaced", "replaced"]
    listed = run(test_settings, "placard", "list", "--market", "cho-a", "--format", "json").document
    assert len(listed) == 12 and {row["step"] for row in listed} == {"printed", "handed_over", "replaced"}
    assert json.loads(json.dumps(listed)) == listed
    assert "handed over" in run(test_settings, "placard", "list", "--market", "cho-a").out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--section", "Q", "--section", "B"], "section: Q"),
        (["--stall", "D1"], "stall: D1"),
        (["--section", "A", "--stall", "B1"], "No live code"),
        (["--out", "/nowhere/at/all.pdf"], "can't be written"),
    ],
)
def test_what_can_not_be_printed_is_refused_and_not_recorded(
    test_settings: Settings, session: Session, street: Street, tmp_path: Path, options: list[str], said: str
) -> None:
    answer = run(test_settings, "placards", "--market", "cho-a", "--out", tmp_path / "out.pdf", *options)
    assert answer.code == 1 and said in answer.err
    assert count(session) == 0 and list(tmp_path.iterdir()) == []


def test_a_market_without_codes_or_without_new_ones_prints_nothing(
    test_settings: Settings, session: Session, street: Street, tmp_path: Path
) -> None:
    market.add(session, "cho-b", "Chợ B", "26506", since=date(2026, 1, 1))
    session.commit()
    file = tmp_path / "out.pdf"
    assert "No live code" in run(test_settings, "placards", "--market", "cho-b", "--out", file).err
    assert run(test_settings, "placards", "--market", "cho-a", "--out", file).code == 0
    assert "printed before" in run(test_settings, "placards", "--market", "cho-a", "--out", file, "--new").err


def test_an_address_nobody_else_can_open_is_warned_of(test_settings: Settings, street: Street, tmp_path: Path) -> None:
    answer = run(test_settings, "placards", "--market", "cho-a", "--out", tmp_path / "out.pdf")
    assert answer.code == 0 and "MARKET_BASE_URL" in answer.err
