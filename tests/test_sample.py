"""Samples: drawn by lot, drawn again the same, and the sheets for the round."""

import hashlib
import io
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from ground.refusal import Refusal
from ground.settings import Settings
from payments import round_sheet, sample
from payments.round_sheet import Visit
from tests.shell import Answer, run
from tests.world import Street, import_roll

STALLS = ["A1", "A2", "B1", "B2", "C1", "D1"]  # E1 is vacant
NOVEMBER = datetime(2026, 11, 1, 2, tzinfo=UTC)


def draw(test_settings: Settings, size: object = 3, seed: object = 42, period: str = "2026-10", **more: str) -> Answer:
    words = ("sample", "draw", "--market", "cho-a", "--period", period, "--size", size, "--seed", seed)
    return run(test_settings, *words, "--format", "json", **more)


def by_hand(frame: list[str], seed: str, size: int) -> list[str]:
    """docs/indicators.md, "Samples are drawn, not picked", in hexadecimal."""
    lots = {hashlib.sha256(f"{seed}:{stall}".encode()).hexdigest(): stall for stall in sorted(frame)}
    return [lots[lot] for lot in sorted(lots)][:size]


def test_the_draw_is_the_one_anybody_can_repeat(test_settings: Settings, street: Street) -> None:
    done = draw(test_settings)
    assert (done.code, done.err) == (0, "")
    document = done.document
    assert (document["seed"], document["frame"]) == ("42", STALLS)
    assert document["drawn"] == by_hand(STALLS, "42", 3)
    whole = draw(test_settings, 6).document["drawn"]
    assert whole[:3] == document["drawn"] and sorted(whole) == STALLS
    assert draw(test_settings, 3, "khác").document["drawn"] == by_hand(STALLS, "khác", 3)


def test_the_same_again_is_the_same_whatever_the_roll_says_since(
    test_settings: Settings, session: Session, street: Street
) -> None:
    first = draw(test_settings).document
    import_roll(session, street.market, "F1;F;Rau;Bà Mười;0912000009;;01/10/2026;;;;")
    session.commit()
    assert draw(test_settings).document == first
    assert draw(test_settings, 3, "43").document["frame"] == [*STALLS, "F1"]
    listed = run(test_settings, "sample", "list", "--market", "cho-a", "--format", "json").document
    assert [each["seed"] for each in listed] == ["42", "43"] and listed[0] == first
    audited = session.execute(text("SELECT count(*) FROM audit WHERE what = 'sample.draw'")).scalar_one()
    assert audited == 2, "a draw repeated is no act"


def test_the_frame_is_who_traded_in_the_period(session: Session, street: Street) -> None:
    import_roll(session, street.market, "A1;A;;;;trống;01/10/2026;;;;\nA2;A;;;;đã đóng;02/10/2026;;;;")
    import_roll(session, street.market, "E1;E;Rau;Bà Mười;0912000009;;31/10/2026;;;;")
    drawn = sample.draw(session, street.market, "2026-10", 1, "x", by="board", as_of=NOVEMBER)
    assert drawn.frame == ["A2", "B1", "B2", "C1", "D1", "E1"]
    early = sample.draw(session, street.market, "2026-10", 2, "x", by="board", as_of=datetime(2026, 10, 9, tzinfo=UTC))
    assert early.frame == ["A2", "B1", "B2", "C1", "D1"], "to date"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({"size": 7}, "only 6 traded"),
        ({"size": 0}, "at least one"),
        ({"size": -1}, "at least one"),
        ({"period": "2027-01"}, "not begun"),
        ({"period": "2026-13"}, "2026-13"),
        ({"seed": " "}, "seed"),
        ({"seed": "x" * 101}, "seed"),
    ],
)
def test_what_can_not_be_drawn_is_refused(
    test_settings: Settings, session: Session, street: Street, words: dict[str, Any], reason: str
) -> None:
    done = draw(test_settings, **words)
    assert done.code == 1 and reason in done.err, done
    assert sample.every(session, street.market) == []


def test_a_market_without_trading_stalls_has_nothing_to_draw(session: Session, street: Street) -> None:
    with pytest.raises(Refusal, match="only 0 traded"):
        sample.draw(session, street.market, "2025-10", 1, "x", by="board")


@pytest.mark.parametrize("statement", ["UPDATE sample SET seed = 'y'", "DELETE FROM sample"])
def test_a_sample_is_never_changed(session: Session, street: Street, statement: str) -> None:
    sample.draw(session, street.market, "2026-10", 2, "x", by="board")
    with pytest.raises(DBAPIError, match="never changed"):
        session.execute(text(statement))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=8), unique=True, max_size=30), st.text(max_size=8))
def test_the_order_of_the_lot_is_everybodys(frame: list[str], seed: str) -> None:
    frame = [stall.encode("utf-8", "ignore").decode() for stall in frame]
    seed = seed.encode("utf-8", "ignore").decode()
    assert sample.order(sorted(set(frame)), seed) == by_hand(sorted(set(frame)), seed, len(frame))


# --- the round sheet


def pages(content: bytes) -> list[str]:
    return [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(content)).pages]


def test_each_helper_gets_a_sheet_with_her_stalls(test_settings: Settings, street: Street, tmp_path: Path) -> None:
    number = draw(test_settings, 6).document["sample"]
    file = tmp_path / "sheet.pdf"
    done = run(test_settings, "sample", "sheet", number, "--out", file, "--helpers", 2)
    assert (done.code, done.out.strip()) == (0, f"{file}: stalls: 6, rounds: 2.")
    first, second = pages(file.read_bytes())
    assert "Phiếu 1/2 · 3 sạp" in first and "Phiếu 2/2 · 3 sạp" in second
    for words in ("Chợ cho-a", "Tiền mặt", "Không tiền mặt", "Người đếm", "rút 6 trong 6 sạp", "hạt giống “42”"):
        assert words in first and words in second
    for at, (stall, merchant) in enumerate(
        [("A1", "Cô Ba"), ("A2", "Chú Tư"), ("B1", "Lê Thị Sáu"), ("B2", "Lê Văn Bảy"), ("C1", "Dì Năm")]
    ):
        assert f"{stall} {stall[0]} {merchant}" in (first if at < 3 else second)
    reader = PdfReader(io.BytesIO(file.read_bytes()))
    assert [float(side) for side in reader.pages[0].mediabox[2:]] == pytest.approx([595.3, 841.9], abs=0.1), "A4"
    assert reader.metadata is not None and reader.metadata.title == "Phiếu đếm lượt thanh toán – Chợ cho-a"
    fonts = [font.get_object() for page in reader.pages for font in page["/Resources"]["/Font"].values()]
    described = [each["/DescendantFonts"][0].get_object()["/FontDescriptor"] for each in fonts]
    assert described and all({"/FontFile2", "/FontFile3"} & set(each) for each in described), "embedded"


def test_the_words_under_what_is_to_be_written_in_stand_in_their_row(
    test_settings: Settings, street: Street, tmp_path: Path
) -> None:
    number = draw(test_settings, 3).document["sample"]
    file = tmp_path / "sheet.pdf"
    run(test_settings, "sample", "sheet", number, "--out", file)
    (page,) = PdfReader(file).pages
    heights: list[float] = []

    def read(said: str, outer: list[float], matrix: list[float], *_: Any) -> None:
        if said.strip() == "tất cả":
            heights.append(matrix[5] * outer[3] + outer[5])

    page.extract_text(visitor_text=read)
    assert len(heights) == 3
    assert min(heights) > float(page.mediabox.height) / 2, "three rows fill the upper half of a page only"


@pytest.mark.parametrize("helpers", [0, 7, -1])
def test_nobody_goes_round_without_a_stall(
    test_settings: Settings, street: Street, tmp_path: Path, helpers: int
) -> None:
    number = draw(test_settings, 6).document["sample"]
    done = run(test_settings, "sample", "sheet", number, "--out", tmp_path / "sheet.pdf", "--helpers", helpers)
    assert done.code == 1 and not (tmp_path / "sheet.pdf").exists()


def test_no_such_sample_or_folder_is_refused(test_settings: Settings, street: Street, tmp_path: Path) -> None:
    draw(test_settings)
    assert run(test_settings, "sample", "sheet", 9, "--out", tmp_path / "sheet.pdf").code == 1
    assert run(test_settings, "sample", "sheet", 1, "--out", tmp_path / "nowhere" / "sheet.pdf").code == 1


def test_the_round_goes_by_section_and_number(session: Session, street: Street) -> None:
    rows = "\n".join(
        f"{number};Dãy {row};Rau;Hộ {number};;;;;;;" for number, row in (("K10", 2), ("K9", 2), ("X1", 10))
    )
    import_roll(session, street.market, rows)
    drawn = sample.draw(session, street.market, "2026-11", 9, "x", by="board")
    assert [visit.stall for visit in round_sheet.visits(session, drawn)] == [*STALLS, "K9", "K10", "X1"]


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60))
def test_rounds_are_neighbours_and_as_long_as_each_other(stalls: int, helpers: int) -> None:
    visits = [Visit(str(number), None, None, None) for number in range(max(stalls, helpers))]
    rounds = round_sheet.share_out(visits, helpers)
    assert [visit for each in rounds for visit in each] == visits
    assert len(rounds) == helpers and max(map(len, rounds)) - min(map(len, rounds)) <= 1


def test_a_long_round_goes_on_with_its_headings_on_the_next_page(session: Session, street: Street) -> None:
    rows = "\n".join(f"K{n};K;Vải, quần áo may sẵn;Nguyễn Thị Hồng Ngọc {n};;;;;;;" for n in range(40))
    import_roll(session, street.market, rows)
    drawn = sample.draw(session, street.market, "2026-11", 46, "x", by="board")
    told = pages(round_sheet.pdf(session, drawn, 1, NOVEMBER))
    assert len(told) == 3 and all("Không tiền mặt" in page for page in told)
    assert all(sum(f"Nguyễn Thị Hồng Ngọc {n} ·" in page for page in told) == 1 for n in range(40))


def test_a_stall_that_left_the_roll_is_still_on_the_sheet(session: Session, street: Street) -> None:
    drawn = sample.draw(session, street.market, "2026-10", 6, "x", by="board")
    import_roll(session, street.market, "A1;A;;;;đã đóng;01/01/2026;;;;")
    assert Visit("A1", None, None, None) in round_sheet.visits(session, drawn)
    assert date(2026, 10, 31) == drawn.last
