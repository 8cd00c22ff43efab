"""The frame of an administrative letter: page, type, national heading, tables and signature as Decree 30/2020 has them.

Appendix I of the Decree: A4, margins 20–25 mm above and below, 30–35 mm left, 15–20 mm right; Times New Roman, 13–14
points, justified, a first line of 1–1.27 cm; page numbers in the middle above, from the second page on.
"""

from collections.abc import Collection, Sequence
from typing import Any

from docx.document import Document as Letter
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH as ALIGN
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Mm, Pt, RGBColor
from docx.table import _Cell as Cell
from docx.text.paragraph import Paragraph

from payments.report import Report

FONT = "Times New Roman"
LEFT, RIGHT, ABOVE, BELOW = Mm(30), Mm(15), Mm(20), Mm(20)
BODY, SMALL = Pt(13), Pt(10.5)
SIGNING_LINES = 4
ROWS_TOGETHER = 3
"""So many rows of a table stand on the page of its caption."""


def set_page(letter: Letter) -> None:
    section = letter.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.left_margin, section.right_margin = LEFT, RIGHT
    section.top_margin, section.bottom_margin = ABOVE, BELOW
    section.header_distance = Mm(10)


def set_type(letter: Letter, language: str) -> None:
    for name, size in (("Normal", BODY), ("Heading 1", BODY), ("Header", BODY)):
        style = letter.styles[name]
        style.font.name, style.font.size = FONT, size
        style.font.color.rgb = RGBColor(0, 0, 0)
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
            fonts.attrib.pop(qn(f"w:{theme}"), None)
        for script in ("w:ascii", "w:hAnsi", "w:eastAsia", "w:cs"):
            fonts.set(qn(script), FONT)
    _add(letter.styles["Normal"].element.get_or_add_rPr(), "w:lang", val="vi-VN" if language == "vi" else "en-GB")
    heading = letter.styles["Heading 1"].paragraph_format
    heading.space_before, heading.space_after, heading.keep_with_next = Pt(8), Pt(4), True


def add_page_numbers(letter: Letter) -> None:
    section = letter.sections[0]
    section.different_first_page_header_footer = True
    paragraph = section.header.paragraphs[0]
    paragraph.alignment = ALIGN.CENTER
    run = paragraph.add_run()
    for kind in ("begin", None, "end"):
        if kind is None:
            _add(run._r, "w:instrText").text = "PAGE"
        else:
            _add(run._r, "w:fldChar", fldCharType=kind)


def add_top(letter: Letter, above: str, body: str, told: Report, place: str) -> None:
    """The issuing body and its number on the left, the national heading, place and date on the right."""
    left, right = _pair(letter, (Mm(67), Mm(98)))
    for line in filter(None, above.split("\n")):
        _say(left, line, size=Pt(12))
    for line in body.split("\n"):
        _say(left, line, size=Pt(12), bold=True)
    _rule(left, Mm(22))
    _say(left, told.say(f"report.letter.number_{told.level}"))
    _say(right, told.say("report.letter.nation"), size=Pt(12), bold=True)
    _say(right, told.say("report.letter.motto"), bold=True)
    _rule(right, Mm(21))
    _say(right, told.say("report.letter.dated", place=place, year=told.made_at.year), italic=True)


def add_heading(letter: Letter, heading: str, subject: str) -> None:
    for line, space in ((heading, Pt(14)), (subject, Pt(0))):
        paragraph = letter.add_paragraph()
        paragraph.alignment = ALIGN.CENTER
        paragraph.paragraph_format.space_before, paragraph.paragraph_format.space_after = space, Pt(0)
        paragraph.add_run(line).bold = True
    _draw_rule(letter.add_paragraph(), Mm(60))


def add_paragraph(letter: Letter, line: str, *, italic: bool = False, with_next: bool = False) -> None:
    paragraph = letter.add_paragraph()
    paragraph.alignment = ALIGN.JUSTIFY
    form = paragraph.paragraph_format
    form.first_line_indent, form.space_after, form.space_before = Cm(1.27), Pt(6), Pt(0)
    form.widow_control, form.keep_with_next = True, with_next
    paragraph.add_run(line).italic = italic


def add_section(letter: Letter, line: str) -> None:
    """A numbered part's name; Word lists it among the headings."""
    letter.add_paragraph(style="Heading 1").add_run(line).bold = True


def add_small(letter: Letter, line: str) -> None:
    paragraph = letter.add_paragraph()
    paragraph.paragraph_format.space_before = paragraph.paragraph_format.space_after = Pt(2)
    paragraph.add_run(line).font.size = SMALL


def add_centred(letter: Letter, line: str, *, new_page: bool = False) -> None:
    paragraph = letter.add_paragraph()
    paragraph.paragraph_format.page_break_before = new_page
    paragraph.alignment = ALIGN.CENTER
    paragraph.paragraph_format.space_after = Pt(0)
    paragraph.add_run(line).bold = True


def add_table(
    letter: Letter,
    caption: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    widths: Sequence[float],
    right: Collection[int] = (),
) -> None:
    """`widths` in mm; the columns `right` hold numbers. The head stands on every page, no row is torn apart."""
    above = letter.add_paragraph()
    above.paragraph_format.space_before, above.paragraph_format.space_after = Pt(8), Pt(3)
    above.paragraph_format.keep_with_next = True
    above.add_run(caption).bold = True
    table = letter.add_table(rows=0, cols=len(columns), style="Table Grid")
    table.alignment, table.autofit = WD_TABLE_ALIGNMENT.CENTER, False
    for column, width in zip(table.columns, widths, strict=True):
        column.width = Mm(width)
    for number, cells in enumerate((columns, *rows)):
        row = table.add_row()
        _add(row._tr.get_or_add_trPr(), "w:cantSplit")
        if number == 0:
            _add(row._tr.get_or_add_trPr(), "w:tblHeader")
        for column, (cell, line, width) in enumerate(zip(row.cells, cells, widths, strict=True)):
            cell.width = Mm(width)
            align = ALIGN.CENTER if number == 0 else ALIGN.RIGHT if column in right else ALIGN.LEFT
            _say(cell, line, size=SMALL, bold=number == 0, align=align)
            cell.paragraphs[0].paragraph_format.keep_with_next = number < ROWS_TOGETHER
    _say_nothing(letter)


def add_signature(letter: Letter, receivers: Sequence[str], signer: str, told: Report) -> None:
    left, right = _pair(letter, (Mm(80), Mm(85)))
    _say(left, told.say("report.letter.receivers"), size=Pt(12), bold=True, italic=True, align=ALIGN.LEFT)
    for line in receivers:
        _say(left, line, size=Pt(11), align=ALIGN.LEFT)
    for line in signer.split("\n"):
        _say(right, line, bold=True)
    _say(right, told.say("report.letter.sign_here"), italic=True, size=Pt(12))
    for _ in range(SIGNING_LINES):
        _say(right, "")


def _say_nothing(letter: Letter) -> None:
    """Word wants a paragraph between tables: a low one."""
    form = letter.add_paragraph().paragraph_format
    form.space_before, form.space_after, form.line_spacing = Pt(0), Pt(0), Pt(6)


def _pair(letter: Letter, widths: tuple[Mm, Mm]) -> tuple[Cell, Cell]:
    """Two cells side by side without lines, never torn apart."""
    table = letter.add_table(rows=1, cols=2)
    table.alignment, table.autofit = WD_TABLE_ALIGNMENT.CENTER, False
    _add(table.rows[0]._tr.get_or_add_trPr(), "w:cantSplit")
    left, right = table.rows[0].cells
    for column, cell, width in zip(table.columns, (left, right), widths, strict=True):
        column.width = cell.width = width  # one of them is Word's, the other LibreOffice's
    return left, right


def _say(
    cell: Cell,
    line: str,
    *,
    size: Pt = BODY,
    bold: bool = False,
    italic: bool = False,
    align: ALIGN = ALIGN.CENTER,
) -> None:
    """A paragraph in a cell; the first takes the empty one that every cell begins with."""
    paragraph = cell.paragraphs[0] if not cell.text and len(cell.paragraphs) == 1 else cell.add_paragraph()
    paragraph.alignment = align
    paragraph.paragraph_format.space_before = paragraph.paragraph_format.space_after = Pt(1)
    run = paragraph.add_run(line)
    run.bold, run.italic, run.font.size = bold, italic, size


def _rule(cell: Cell, indent: Mm) -> None:
    _draw_rule(cell.add_paragraph(), indent)


def _draw_rule(paragraph: Paragraph, indent: Mm) -> None:
    """A thin line, as far from both edges: the upper border of a paragraph with nothing in it."""
    form = paragraph.paragraph_format
    form.left_indent = form.right_indent = indent
    form.space_before, form.space_after, form.line_spacing = Pt(2), Pt(2), Pt(4)
    borders = _add(paragraph._p.get_or_add_pPr(), "w:pBdr")
    _add(borders, "w:top", val="single", sz="6", space="1", color="000000")


def _add(parent: Any, tag: str, **attributes: str) -> Any:
    element = OxmlElement(tag)
    for name, value in attributes.items():
        element.set(qn(f"w:{name}"), value)
    parent.append(element)
    return element
