"""The revenue book as files: a workbook whose numbers are numbers, and a PDF to sign."""

from io import BytesIO
from typing import Any

import xlsxwriter

from ground import money, paper, words
from payments import revenue_book
from payments.revenue_book import Book

COLUMNS = ("day", "description", "amount")
LETTERS = ("A", "B", "1")
"""As the form letters its columns."""
_WIDTHS = (13, 56, 22)
_FONT = {"font_name": "Times New Roman", "font_size": 12}


def pdf(book: Book) -> bytes:
    """A4, tagged PDF/A; the table's head stands on every page."""
    content = {
        "head": revenue_book.heading(book),
        "columns": [words.say(f"revenue_book.column.{name}") for name in COLUMNS],
        "letters": LETTERS,
        "rows": [[f"{line.day:%d/%m/%Y}", line.description, _figure(line.amount)] for line in book.lines],
        "nothing": words.say("revenue_book.nothing"),
        "total": [words.say("revenue_book.total"), _figure(book.total)],
        "page": words.say("revenue_book.page"),
        "author": words.say("page.name"),
    }
    return paper.pdf("revenue_book", content, book.made_at)


def _figure(amount: int) -> str:
    """`1234567` as `1.234.567`: the unit stands above the table."""
    return money.show(amount).removesuffix(" ₫")


def xlsx(book: Book) -> bytes:
    """Dates are dates and amounts whole numbers; the head stays in sight, and prints on every page."""
    kept = BytesIO()
    with xlsxwriter.Workbook(kept, {"in_memory": True}) as workbook:
        _tell_origin(workbook, book)
        sheet = workbook.add_worksheet("S1a-HKD")
        sheet.set_default_row(18)
        formats = _formats(workbook)
        top = _write_head(sheet, book, formats)
        last = _write_rows(sheet, book, formats, top)
        end = _write_signature(sheet, book, formats, last + 2)
        sheet.freeze_panes(top, 0)
        sheet.repeat_rows(top - 2, top - 1)
        sheet.print_area(0, 0, end, 2)
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        sheet.set_margins(left=0.6, right=0.5, top=0.6, bottom=0.7)
        sheet.set_footer(f"&C{words.say('revenue_book.page')} &P/&N")
    return kept.getvalue()


def _tell_origin(workbook: Any, book: Book) -> None:
    workbook.set_properties(
        {
            "title": words.say("revenue_book.title"),
            "author": words.say("page.name"),
            "created": book.made_at.replace(tzinfo=None, microsecond=0),
        }
    )


def _formats(workbook: Any) -> dict[str, Any]:
    centred = {**_FONT, "align": "center", "valign": "vcenter", "text_wrap": True}
    boxed = {**_FONT, "border": 1, "valign": "vcenter"}
    kinds: dict[str, dict[str, Any]] = {
        "plain": {**_FONT, "text_wrap": True, "valign": "top"},
        "bold": {**_FONT, "bold": True, "text_wrap": True, "valign": "top"},
        "centre": centred,
        "centre_bold": {**centred, "bold": True},
        "centre_italic": {**centred, "italic": True},
        "title": {**centred, "bold": True, "font_size": 14},
        "right_italic": {**_FONT, "italic": True, "align": "right"},
        "heading": {**boxed, **centred, "bold": True, "bg_color": "#E8EFEB"},
        "day": {**boxed, "num_format": "dd/mm/yyyy", "align": "center"},
        "text": {**boxed, "text_wrap": True},
        "amount": {**boxed, "num_format": "#,##0"},
        "total": {**boxed, "bold": True, "num_format": "#,##0"},
    }
    return {name: workbook.add_format(kind) for name, kind in kinds.items()}


def _write_head(sheet: Any, book: Book, formats: dict[str, Any]) -> int:
    """Everything above the table; the first row below its head."""
    told = revenue_book.heading(book)
    for column, width in enumerate(_WIDTHS):
        sheet.set_column(column, column, width)
    for row, (name, kind) in enumerate((("household", "bold"), ("address", "plain"), ("tax_code", "plain"))):
        sheet.merge_range(row, 0, row, 1, told[name], formats[kind])
    sheet.write(0, 2, told["form"], formats["centre_bold"])
    sheet.merge_range(1, 2, 3, 2, told["basis"], formats["centre_italic"])
    sheet.set_row(1, 32)
    sheet.set_row(2, 32)
    for row, (name, kind) in enumerate((("title", "title"), ("place", "centre"), ("period", "centre")), 5):
        sheet.merge_range(row, 0, row, 2, told[name], formats[kind])
    sheet.set_row(5, 26)
    sheet.write(8, 2, told["unit"], formats["right_italic"])
    for column, name in enumerate(COLUMNS):
        sheet.write(9, column, words.say(f"revenue_book.column.{name}"), formats["heading"])
        sheet.write(10, column, LETTERS[column], formats["heading"])
    return 11


def _write_rows(sheet: Any, book: Book, formats: dict[str, Any], top: int) -> int:
    """The lines and their sum; the sum's row. The formula carries its value, for whoever reads without counting."""
    row = top
    for line in book.lines:
        sheet.write_datetime(row, 0, line.day, formats["day"])
        sheet.write_string(row, 1, line.description, formats["text"])
        sheet.write_number(row, 2, line.amount, formats["amount"])
        row += 1
    if not book.lines:
        sheet.write_blank(row, 0, None, formats["text"])
        sheet.write_string(row, 1, words.say("revenue_book.nothing"), formats["text"])
        sheet.write_number(row, 2, 0, formats["amount"])
        row += 1
    sheet.write_blank(row, 0, None, formats["total"])
    sheet.write_string(row, 1, words.say("revenue_book.total"), formats["total"])
    sheet.write_formula(row, 2, f"=SUM(C{top + 1}:C{row})", formats["total"], book.total)
    return row


def _write_signature(sheet: Any, book: Book, formats: dict[str, Any], row: int) -> int:
    told = revenue_book.heading(book)
    for name, kind in (("signed_on", "centre_italic"), ("signer", "centre_bold"), ("sign_here", "centre_italic")):
        sheet.merge_range(row, 1, row, 2, told[name], formats[kind])
        sheet.set_row(row, 15.75 * (1 + told[name].count("\n")))
        row += 1
    sheet.merge_range(row + 4, 0, row + 4, 2, told["made"], formats["plain"])
    return row + 4
