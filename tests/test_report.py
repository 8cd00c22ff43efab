"""The report: workbook, letter and print of one content, each compared with the JSON number by number."""

import hashlib
import json
import re
import zipfile
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from docx import Document
from docx.shared import Length, Pt
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader
from sqlmodel import Session

from ground import money, number, words
from ground.refusal import Refusal
from ground.settings import Settings
from ground.store import Store
from merchants import market
from payments import (
    indicator,
    published,
    published_day,
    report,
    report_heading,
    report_letter,
    report_paper,
    report_print,
    report_workbook,
    seal,
)
from payments.report import Report
from tests import rates_world, report_eye
from tests.cast import Cast
from tests.report_eye import letter, sheets, stands_in_order, table, text_of
from tests.shell import run
from tests.world import Street, import_roll, keep, post, three_and_one, told

NOW = datetime(2026, 11, 10, 5, tzinfo=UTC)
LEVELS = ("cashless_value", "cashless_count")
# Dense worlds, in which some stalls report their cash and some are counted; the areas that are told of.
SEEDS = (33, 36, 39)


@pytest.fixture(params=SEEDS)
def world(request: pytest.FixtureRequest, books: Store, session: Session) -> list[tuple[str, str]]:
    """Areas and periods in which something is known."""
    facts = rates_world.draw(request.param, postable=False, dense=True)
    rates_world.store(books, session, facts, by_notice=False)
    held = []
    for key in rates_world.areas(facts):
        for period in rates_world.reported(request.param):
            try:
                rates = indicator.rates(session, key, period, as_of=NOW)
            except Refusal:  # of a unit that is not of that time
                continue
            if rates.whole.figures[0].N:
                held.append((key, period))
    return held


def gather(session: Session, key: str, period: str, **more: Any) -> tuple[Report, dict[str, Any]]:
    """The report, and the same as JSON."""
    told_ = report.gather(session, key, period, moment=NOW, **more)
    audience = more.get("audience", "public")
    return told_, indicator.shown(published.rates(session, key, period, audience=audience, as_of=NOW), "vi")


def value(figure: dict[str, Any], language: str = "vi") -> str:
    """As the page shows it."""
    if figure["value"] is None:
        return "–"
    if figure["indicator"] == "cashless_value":
        return money.show(figure["value"], language)
    if figure["indicator"] in LEVELS:
        return number.count(figure["value"], language)
    return number.percent(figure["value"], language)


def amount(figure: dict[str, Any], whole: int) -> str:
    in_dong = figure["indicator"] in ("cashless_value", "value_share", "bill_share", "reconciled_share")
    return money.show(whole) if in_dong else number.count(whole)


def of(figure: dict[str, Any]) -> str:
    if figure["denominator"] is None:
        return "–"
    return " / ".join(amount(figure, figure[name]) for name in ("numerator", "denominator"))


def interval(figure: dict[str, Any]) -> list[str]:
    if figure["low"] == figure["high"]:
        return []
    return [number.percent(figure[end]) for end in ("low", "high")]


def kept(value: float) -> float:
    """A workbook keeps sixteen digits of a number."""
    return float(f"{value:.16G}")


def check_workbook(content: bytes, document: dict[str, Any]) -> None:
    found = sheets(content)
    rows = table(found["Tổng hợp"], "Chỉ số")
    assert len(rows) == len(document["figures"]) == 10
    names = {
        "low": "Cận dưới",
        "high": "Cận trên",
        "numerator": "Tử số",
        "denominator": "Mẫu số",
        "coverage": "Bao phủ",
    }
    for row, figure in zip(rows, document["figures"], strict=True):
        assert row["Chỉ số"] == words.say(f"indicator.{figure['indicator']}")
        hidden = {"suppressed": "ẩn", "insufficient": "chưa đủ số liệu"}.get(figure["status"])
        assert row["Giá trị"] == (hidden if figure["value"] is None else kept(figure["value"]))
        for name, heading in names.items():
            assert row[heading] == ("" if figure[name] is None else kept(figure[name])), (figure["indicator"], name)
        assert (row["n"], row["N"]) == (figure["n"], figure["N"])
        assert row["Trạng thái"] == words.say(f"page.status.{figure['status']}")
        assert row["Ghi chú"] == (figure["reason"] or "")
    parts = document["parts"] or ([document] if document["area"].startswith("market:") else [])
    heading, sheet = ("Phường, xã",) * 2 if document["area"].startswith("province:") else ("Chợ", "Chợ")
    shown = table(found[sheet], heading)
    assert [row["Mã"] for row in shown] == [part["area"] for part in parts]
    for row, part in zip(shown, parts, strict=True):
        for figure in part["figures"]:
            cell = row[words.say(f"indicator.{figure['indicator']}")]
            hidden = "ẩn" if figure["status"] == "suppressed" else "chưa đủ số liệu"
            assert cell == (hidden if figure["value"] is None else kept(figure["value"]))
    assert [row["Khóa"] for row in table(found["Định nghĩa"], "Chỉ số")] == [
        f["indicator"] for f in document["figures"]
    ]


def check_letter(content: bytes, document: dict[str, Any]) -> None:
    paragraphs, (_, figures, *rest) = letter(content)
    for row, figure in zip(figures[1:], document["figures"], strict=True):
        shown = [part.replace("\u00a0", " ") for part in row]
        assert shown[0] == words.say(f"indicator.{figure['indicator']}")
        assert shown[1].split("\n")[0] == value(figure).replace("\u00a0", " ")
        assert all(end.replace("\u00a0", " ") in shown[1] for end in interval(figure))
        assert shown[2] == of(figure)
        assert shown[3] == ("–" if figure["coverage"] is None else number.percent(figure["coverage"])).replace(
            "\u00a0", " "
        )
    said = [line for line in paragraphs if line[:1].isdigit()]
    assert len(said) == 10
    for line, figure in zip(said, document["figures"], strict=True):
        if figure["value"] is None:
            assert words.say(f"indicator.{figure['indicator']}") in line and figure["reason"] in line
        else:
            assert value(figure).replace("\u00a0", " ") in line.replace("\u00a0", " ")
            assert (figure["reason"] or "") in line
    if document["parts"]:
        for row, part in zip(rest[0][1:], document["parts"], strict=True):
            by_name = {figure["indicator"]: figure for figure in part["figures"]}
            wanted = [value(by_name[name]).removesuffix(" ₫") for name in report_letter.IN_TABLE]
            assert row[0] == part["name"] and row[2:] == wanted


def check_print(text: str, document: dict[str, Any]) -> None:
    pieces: list[str] = []
    for figure in document["figures"]:
        pieces += [words.say(f"indicator.{figure['indicator']}"), value(figure), *interval(figure), of(figure)]
        pieces += ["–" if figure["coverage"] is None else number.percent(figure["coverage"])]
        pieces += [f"{number.count(figure['n'])} / {number.count(figure['N'])} sạp"]
        pieces += [words.say(f"page.status.{figure['status']}"), figure["reason"] or ""]
    for part in document["parts"]:
        by_name = {figure["indicator"]: figure for figure in part["figures"]}
        pieces += [part["name"], *(value(by_name[name]).removesuffix(" ₫") for name in report_print.IN_TABLE)]
    assert stands_in_order(text, *pieces) is None, stands_in_order(text, *pieces)


def test_all_three_papers_say_what_the_json_says_number_by_number(
    session: Session, world: list[tuple[str, str]]
) -> None:
    kinds: dict[str, int] = {}
    for key, period in world:
        kind = key.partition(":")[0]
        kinds[kind] = kinds.get(kind, 0) + 1
        if kinds[kind] > 2:
            continue
        told_, document = gather(session, key, period)
        check_workbook(report_workbook.xlsx(told_), document)
        check_letter(report_letter.docx(told_), document)
        check_print(text_of(report_print.pdf(told_)), document)
    assert set(kinds) == {"market", "ward", "province"}


@pytest.mark.slow
def test_libreoffice_shows_what_the_page_shows(session: Session, world: list[tuple[str, str]], tmp_path: Path) -> None:
    key, period = next(each for each in world if each[0].startswith("province:"))
    told_, document = gather(session, key, period)
    shown = report_eye.sheets_as_shown(tmp_path, report_workbook.xlsx(told_))
    for row, figure in zip(table(shown["Tổng hợp"], "Chỉ số"), document["figures"], strict=True):
        if figure["value"] is not None:
            assert row["Giá trị"] == value(figure, "en").removesuffix(" ₫")
    pieces: list[str] = []
    for figure in document["figures"]:
        coverage = "–" if figure["coverage"] is None else number.percent(figure["coverage"])
        pieces += [
            words.say(f"indicator.{figure['indicator']}"),
            value(figure),
            *interval(figure),
            of(figure),
            coverage,
        ]
    opened = report_eye.letter_as_opened(tmp_path, report_letter.docx(told_))
    assert stands_in_order(opened, "Bảng 1.", *pieces) is None, stands_in_order(opened, "Bảng 1.", *pieces)


def test_the_print_is_an_archivable_tagged_pdf_with_its_fonts(session: Session, street: Street) -> None:
    told_, _ = gather(session, "market:cho-a", "2026-10")
    reader = PdfReader(BytesIO(report_print.pdf(told_)))
    root = reader.trailer["/Root"]
    said = root["/Metadata"].get_object().get_data().decode()
    assert "<pdfaid:part>2</pdfaid:part>" in said and "<pdfaid:conformance>A</pdfaid:conformance>" in said
    assert "<pdfuaid:part>1</pdfuaid:part>" in said
    assert root["/Lang"] == "vi" and "/StructTreeRoot" in root and root["/MarkInfo"]["/Marked"].value is True
    assert reader.metadata is not None
    assert reader.metadata.title == "Kết quả thanh toán không dùng tiền mặt tại chợ cho-a, tháng 10/2026"
    embedded = report_eye.fonts(reader)
    assert embedded and all(embedded.values()), embedded


def test_the_letter_is_laid_out_as_the_decree_has_it(session: Session, street: Street) -> None:
    told_, _ = gather(session, "ward:26506", "2026-Q3")
    content = report_letter.docx(told_)
    document = Document(BytesIO(content))
    page = document.sections[0]
    sides = (
        page.page_width,
        page.page_height,
        page.top_margin,
        page.bottom_margin,
        page.left_margin,
        page.right_margin,
    )
    assert [round(Length(side or 0).mm) for side in sides] == [210, 297, 20, 20, 30, 15]
    normal = document.styles["Normal"].font
    assert (normal.name, normal.size) == ("Times New Roman", Pt(13))
    paragraphs, (top, *_) = letter(content)
    assert top[0][0].split("\n")[:2] == ["ỦY BAN NHÂN DÂN", "PHƯỜNG VŨNG TÀU"]
    assert "/BC-UBND" in top[0][0]
    assert top[0][1].split("\n")[:2] == ["CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc"]
    assert top[0][1].endswith("Vũng Tàu, ngày     tháng     năm 2026")
    assert "BÁO CÁO" in paragraphs
    left, right = letter(content)[1][-2][0]
    assert left.startswith("Nơi nhận:\n- UBND Thành phố Hồ Chí Minh") and left.endswith("- Lưu: VT.")
    assert right.startswith("TM. ỦY BAN NHÂN DÂN\nCHỦ TỊCH")
    about = document.core_properties
    assert (about.author, about.last_modified_by, about.comments) == ("Chợ 4.0", "Chợ 4.0", "")
    assert (
        about.title == "Kết quả thanh toán không dùng tiền mặt tại các chợ trên địa bàn phường Vũng Tàu, quý III/2026"
    )


@pytest.mark.parametrize(
    ("name", "within"),
    [
        ("Phường Vũng Tàu", "phường Vũng Tàu"),
        ("Phường 7", "Phường 7"),
        ("Thành phố Hồ Chí Minh", "Thành phố Hồ Chí Minh"),
        ("Thành phố Đà Nẵng", "thành phố Đà Nẵng"),
        ("Quý III/2026", "quý III/2026"),
        ("Chợ Vũng Tàu", "chợ Vũng Tàu"),
        ("Bà Chiểu", "Bà Chiểu"),
    ],
)
def test_a_name_inside_a_sentence_is_written_as_the_decree_has_it(name: str, within: str) -> None:
    assert report_heading.inside(name) == within


def test_the_workbook_keeps_its_heads_in_sight_and_prints_on_a4(session: Session, street: Street) -> None:
    told_, _ = gather(session, "ward:26506", "2026-10")
    with zipfile.ZipFile(BytesIO(report_workbook.xlsx(told_))) as folder:
        pages = [folder.read(f"xl/worksheets/sheet{number_}.xml").decode() for number_ in (1, 2, 3, 4)]
        book = folder.read("xl/workbook.xml").decode()
    for sheet in pages:
        assert 'state="frozen"' in sheet and 'paperSize="9"' in sheet and 'fitToHeight="0"' in sheet
    assert book.count("_xlnm.Print_Area") == book.count("_xlnm.Print_Titles") == 4


@pytest.mark.parametrize("name", ["=1+1", "@SUM(A1)", "+84 chợ", "-2", "Chợ & <b>", '=HYPERLINK("x")'])
def test_no_name_becomes_a_formula(session: Session, name: str) -> None:
    found = market.add(session, "cho-x", name, "26506", since=date(2026, 1, 1))
    import_roll(session, found, "A1;A;Rau;Cô Ba;0912000001;;;VCB;1000001;NGUYEN THI BA;")
    content = report_workbook.xlsx(gather(session, "ward:26506", "2026-10")[0])
    with zipfile.ZipFile(BytesIO(content)) as folder:
        assert not any("<f>" in folder.read(f"xl/worksheets/sheet{n}.xml").decode() for n in (1, 2, 3, 4))
    assert table(sheets(content)["Chợ"], "Chợ")[0]["Chợ"] == name
    market_report = gather(session, "market:cho-x", "2026-10")[0]
    for ending in report_paper.WRITERS:
        assert report_paper.write(market_report, ending)


@pytest.fixture
def busy(books: Store, street: Street) -> Street:
    """Three stalls sold on the 5th, one alone on the 6th."""
    three_and_one(books, alone="2026-10-06")
    return street


def test_the_days_are_those_that_are_published_and_no_paper_tells_a_hidden_one(session: Session, busy: Street) -> None:
    told_, _ = gather(session, "market:cho-a", "2026-10")
    content = report_workbook.xlsx(told_)
    rows = table(sheets(content)["Ngày"], "Chợ")
    wanted = published_day.read(session, busy.market.key, date(2026, 10, 1), date(2026, 10, 31), date(2026, 11, 10))
    assert len(wanted) == 2 and any(day.value is None for day in wanted)
    for row, day in zip(rows, wanted, strict=True):
        shown = ("ẩn", "ẩn") if day.value is None else (day.value, day.number)
        assert (row["Ngày"], row["Doanh số (đồng)"], row["Số giao dịch"]) == (day.date, *shown)
    for ending in report_paper.WRITERS:
        said = report_paper.write(told_, ending)
        text = {"pdf": text_of, "docx": lambda c: str(letter(c)), "xlsx": lambda c: str(sheets(c))}[ending](said)
        assert not re.search(r"(?<![\d.,])7[.,]?770", text) and "Cô Ba" not in text and "1000001" not in text


def test_a_sealed_report_bears_its_seal_and_stays_what_it_was(books: Store, session: Session, busy: Street) -> None:
    before, document = gather(session, "market:cho-a", "2026-10")
    for content in (text_of(report_print.pdf(before)), str(letter(report_letter.docx(before)))):
        assert "chưa chốt" in content.lower() and before.fingerprint in content
    done = seal.seal(books, "market:cho-a", "2026-10", by="tests")
    keep(books, [told(9, 90_000, account="1000002", at="2026-10-05 11:00:00")])
    post(books)
    session.rollback()
    after, sealed = gather(session, "market:cho-a", "2026-10")
    assert [f["value"] for f in sealed["figures"]] == [f["value"] for f in document["figures"]]
    check_workbook(report_workbook.xlsx(after), sealed)
    for content in (text_of(report_print.pdf(after)), str(letter(report_letter.docx(after)))):
        assert done.sha256 in content and "Đã chốt, bản số 1" in content and "chưa chốt" not in content.lower()
    definitions = str(sheets(report_workbook.xlsx(after))["Định nghĩa"])
    assert done.sha256 in definitions and after.fingerprint in definitions


def test_anybody_can_work_the_fingerprint_out_from_the_json(session: Session, busy: Street) -> None:
    told_, document = gather(session, "ward:26506", "2026-10")
    names = ("area", "boundaries", "definitions_version", "figures", "period")
    kept = {name: document[name] for name in names} | {
        "parts": [{"area": part["area"], "figures": part["figures"]} for part in document["parts"]]
    }
    for figures in (kept["figures"], *(part["figures"] for part in kept["parts"])):
        for figure in figures:
            del figure["reason"]
    assert hashlib.sha256(rfc8785.dumps(json.loads(json.dumps(kept)))).hexdigest() == told_.fingerprint


@given(st.floats(0, 1))
@settings(max_examples=300, deadline=None)
def test_a_share_is_rounded_as_a_spreadsheet_rounds_it_or_its_format_says_so(share: float) -> None:
    said = number.percent(share, "en")
    kind = report_workbook.share_format(share, "en")
    if kind == "percent":
        assert said == f"{(Decimal(repr(share)) * 100).quantize(Decimal('0.1'), ROUND_HALF_UP)}%"
    elif kind == "whole_percent":
        assert said == {0: "0%", 1: "100%"}[int(share)]
    else:
        assert kind == f"shown:{said}" and said in ("0.1%", "99.9%")


def test_the_command_writes_each_paper_whole_and_says_what_it_wrote(
    test_settings: Settings, busy: Street, tmp_path: Path
) -> None:
    for ending, begins in (("xlsx", b"PK"), ("docx", b"PK"), ("pdf", b"%PDF")):
        out = tmp_path / f"report.{ending}"
        out.write_bytes(b"an older one")
        asked = ("report", "--area", "ward:26506", "--period", "2026-10", "--format", ending, "--out", out)
        answer = run(test_settings, *asked)
        assert answer.code == 0 and str(out) in answer.out
        assert out.read_bytes().startswith(begins)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.docx", "report.pdf", "report.xlsx"]
    english = run(test_settings, *asked[:-1], tmp_path / "en.pdf", "--language", "en")
    assert english.code == 0 and "Cashless payment at the markets of" in text_of((tmp_path / "en.pdf").read_bytes())


@pytest.mark.parametrize(
    ("change", "code", "reason"),
    [
        ({"--area": "ward:00000"}, 1, "00000"),
        ({"--area": "village:1"}, 1, "village:1"),
        ({"--area": "market:nobody"}, 1, "nobody"),
        ({"--period": "2026-13"}, 1, "2026-13"),
        ({"--period": "2099"}, 1, "2099"),
        ({"--format": "odt"}, 2, "odt"),
        ({"--audience": "press"}, 2, "press"),
        ({"--out": "no/such/folder/report.pdf"}, 1, "no/such/folder/report.pdf"),
        ({"--out": "."}, 1, "can't be written"),
    ],
)
def test_what_cannot_be_reported_is_refused_in_words_and_nothing_is_left(
    test_settings: Settings, street: Street, tmp_path: Path, change: dict[str, str], code: int, reason: str
) -> None:
    asked = {"--area": "ward:26506", "--period": "2026-10", "--format": "pdf", "--out": "report.pdf"} | change
    asked["--out"] = str(tmp_path / asked["--out"])
    answer = run(test_settings, "report", *(word for pair in asked.items() for word in pair))
    assert answer.code == code and reason in answer.err, answer
    assert "Traceback" not in answer.err and list(tmp_path.iterdir()) == []


def test_a_ward_downloads_what_its_page_says_and_a_board_its_market(cast: Cast) -> None:
    for who, path, name in (
        ("ward", "/ward/26506", "cashless_ward-26506_2026-10"),
        ("province", "/province/79", "cashless_province-79_2026-10"),
        ("board", "/board/cho-a", "cashless_market-cho-a_2026-10"),
    ):
        links = cast.sign_in(who).get(f"{path}?period=2026-10").text
        for ending in report_paper.WRITERS:
            assert f'href="{path}/report.{ending}?period=' in links
            answer = cast.sign_in(who).get(f"{path}/report.{ending}?period=2026-10")
            assert answer.status_code == 200 and f'"{name}.{ending}"' in answer.headers["content-disposition"]
            assert answer.headers["cache-control"] == "no-store"
        assert cast.sign_in(who).get(f"{path}/report.odt?period=2026-10").status_code == 404
        assert cast.sign_in(who).get(f"{path}/report.pdf?period=2099").status_code == 422
        key = name.removeprefix("cashless_").removesuffix("_2026-10").replace("-", ":", 1)
        document = cast.sign_in(who).get(f"/api/v1/rates?area={key}&period=2026-10").json()
        check_workbook(cast.sign_in(who).get(f"{path}/report.xlsx?period=2026-10").content, document)


def test_a_province_without_markets_has_a_report_that_says_so(session: Session, street: Street) -> None:
    told_, document = gather(session, "province:01", "2026-10")
    assert document["parts"] == []
    assert "Không có chợ nào" in text_of(report_print.pdf(told_))
    assert "Không có chợ nào" in str(letter(report_letter.docx(told_)))
    check_workbook(report_workbook.xlsx(told_), document)
