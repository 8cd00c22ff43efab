"""Every bank's layout, in every kind of file and writing of amounts and dates, reads as the same lines."""

from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from payments.statements.reading import read
from payments.statements.section import Section, StatementFile
from tests.paper_statement import (
    ACCOUNT,
    OPENING,
    STORY,
    STYLES,
    TABLES,
    Paid,
    Rows,
    Style,
    balances,
    bare,
    camt,
    cents,
    csv_bytes,
    html_page,
    mt940,
    only,
    read_bytes,
    read_rows,
    sums,
    told,
    write_xlsx,
    xls_bytes,
)

BALANCED = {"vietcombank cashup", "bidv", "bidv csv", "mb", "techcombank"}
UNNUMBERED = {"bidv"}  # the report has no references
FILES = ["csv", "comma", "tab", "bar", "utf-16", "cp1258", "html", "xls", "xlsx"]


def read_as(folder: Path, kind: str, rows: Rows, bank: str = "auto") -> StatementFile:
    """The rows in a file of that kind, under a name that says nothing."""
    if kind == "xlsx":
        return read(write_xlsx(folder / "saoke", rows), bank=bank)
    if kind in ("html", "xls"):
        return read_bytes(folder, html_page(rows) if kind == "html" else xls_bytes(rows), bank, "saoke.xls")
    separator = {"comma": ",", "tab": "\t", "bar": "|"}.get(kind, ";")
    encoding = kind if kind in ("utf-16", "cp1258") else "utf-8-sig"
    return read_bytes(folder, csv_bytes(rows, separator, encoding), bank, "saoke.csv")


def check(section: Section, story: tuple[Paid, ...] | list[Paid], layout: str) -> None:
    expected = [bare(paid, referenced=layout not in UNNUMBERED) for paid in story]
    assert [told(line) for line in section.lines] == expected
    assert (section.debits, section.credits) == sums(story)
    found = (section.opening, section.closing, section.balanced)
    if layout == "bidv csv" and section.opening is None:  # no balance is told before the lines, and both orders may fit
        assert story[0].day == story[-1].day and len(story) > 1 and found == (None, None, None)
    elif layout in BALANCED:
        assert found == (OPENING, [OPENING, *balances(story)][-1], True)
    else:
        assert found == (None, None, None)
    assert [line.balance for line in section.lines] == (balances(story) if layout in BALANCED else [None] * len(story))


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("layout", TABLES)
def test_every_layout_is_recognised_and_read_in_every_kind_of_file(tmp_path: Path, layout: str, kind: str) -> None:
    bank, lay_out = TABLES[layout]
    style = STYLES[(len(layout) + len(kind)) % len(STYLES)] if layout != "techcombank" else cents
    found = read_as(tmp_path, kind, lay_out(STORY, style))
    assert found.bank == bank
    check(only(found), STORY, layout)
    assert only(found).account == (None if layout in ("csv", "bidv csv") else ACCOUNT)
    assert read_as(tmp_path, kind, lay_out(STORY, style), bank).bank == bank


@pytest.mark.parametrize("layout", TABLES)
@pytest.mark.parametrize("style", STYLES)
def test_newest_first_is_the_same_statement_upside_down(tmp_path: Path, layout: str, style: Style) -> None:
    """Only the lines are turned: sums and balances stay where they stand."""
    rows = TABLES[layout][1](STORY, style)
    places = [
        at
        for at, row in enumerate(rows)
        if any(isinstance(c, str) and "/10/2026" in c for c in row[:3]) and len(row) > 3
    ]
    for place, row in zip(places, [rows[place] for place in reversed(places)], strict=True):
        rows[place] = row
    section = only(read_rows(tmp_path, rows))
    assert [told(line).amount for line in section.lines] == [paid.amount for paid in reversed(STORY)]
    if layout in BALANCED:
        assert (section.opening, section.closing, section.balanced) == (OPENING, balances(STORY)[-1], True)


MEMOS = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Zl", "Zp"), exclude_characters="\u00a0\ufffd"), max_size=40
).map(lambda text: " ".join(text.split()).strip("'=<"))
NUMBERS = st.integers(0, 10**14).map(lambda number: f"FT{number:010d}")
MOMENTS = st.one_of(
    st.dates(date(2026, 10, 1), date(2026, 10, 31)),
    st.builds(datetime.combine, st.dates(date(2026, 10, 1), date(2026, 10, 31)), st.times(timezones=st.none())).map(
        lambda when: when.replace(microsecond=0)
    ),
)
AMOUNTS = st.one_of(st.integers(1, 10**7), st.integers(1, 10**14)).flatmap(lambda n: st.sampled_from([n, n, n, -n]))
STORIES = st.lists(st.builds(Paid, MOMENTS, AMOUNTS, NUMBERS, MEMOS), min_size=1, max_size=12).map(
    lambda story: sorted(story, key=lambda paid: paid.day)
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(story=[Paid(date(2026, 10, 1), -OPENING, "FT1", "")], layout="bidv", style=STYLES[0], kind="xlsx")  # emptied
@given(
    story=STORIES, layout=st.sampled_from(sorted(TABLES)), style=st.sampled_from(STYLES), kind=st.sampled_from(FILES)
)
def test_random_lines_are_read_as_they_were_written(
    tmp_path: Path, story: list[Paid], layout: str, style: Style, kind: str
) -> None:
    bank, lay_out = TABLES[layout]
    if kind == "cp1258":
        story = [Paid(p.when, p.amount, p.reference, p.memo.encode("cp1258", "ignore").decode("cp1258")) for p in story]
        story = [Paid(p.when, p.amount, p.reference, " ".join(p.memo.split()).strip("'=<")) for p in story]
    found = read_as(tmp_path, kind, lay_out(story, style))
    assert found.bank == bank
    check(only(found), story, layout)


SIMPLE_MEMOS = st.text("AZaz019 .", max_size=60).map(lambda text: " ".join(f"x{text}".split()))
TEXT_STORIES = st.lists(
    st.builds(
        Paid,
        MOMENTS,
        st.integers(1, 10**12).map(lambda n: -n if n % 4 == 0 else n),
        NUMBERS,
        SIMPLE_MEMOS,
    ),
    max_size=8,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=TEXT_STORIES)
def test_random_lines_are_read_from_mt940(tmp_path: Path, story: list[Paid]) -> None:
    found = read_bytes(tmp_path, mt940(story))
    assert found.bank == "mt940"
    section = only(found)
    assert [told(line) for line in section.lines] == [bare(paid, timed=False) for paid in story]
    assert (section.account, section.opening, section.balanced) == (ACCOUNT, OPENING, True)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=TEXT_STORIES, version=st.sampled_from(["053.001.01", "053.001.02", "053.001.08", "052.001.12"]))
def test_random_lines_are_read_from_camt(tmp_path: Path, story: list[Paid], version: str) -> None:
    found = read_bytes(tmp_path, camt(story, version))
    assert found.bank == "camt"
    section = only(found)
    assert [told(line) for line in section.lines] == [bare(paid) for paid in story]
    assert (section.account, section.opening, section.balanced) == (ACCOUNT, OPENING, True)
