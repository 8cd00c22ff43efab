"""One sheet of the report's workbook: its head, rows that keep their kinds, and how it prints."""

from collections.abc import Sequence
from datetime import date
from math import ceil
from typing import Any

from payments import report_heading
from payments.report import Report

_FONT = {"font_name": "Times New Roman", "font_size": 11}
_BOXED = {**_FONT, "border": 1, "border_color": "#9AA8A1", "valign": "vcenter"}
_KINDS: dict[str, dict[str, Any]] = {
    "title": {**_FONT, "bold": True, "font_size": 14, "text_wrap": True, "valign": "vcenter"},
    "note": {**_FONT, "italic": True, "font_color": "#3C4742", "text_wrap": True, "valign": "top"},
    "heading": {**_BOXED, "bold": True, "text_wrap": True, "align": "center", "bg_color": "#E8EFEB"},
    "text": {**_BOXED, "text_wrap": True},
    "centre": {**_BOXED, "align": "center"},
    "hidden": {**_BOXED, "italic": True, "align": "right", "font_color": "#5A6660"},
    "day": {**_BOXED, "num_format": "dd/mm/yyyy", "align": "center"},
    "amount": {**_BOXED, "num_format": "#,##0"},
    "count": {**_BOXED, "num_format": "#,##0"},
    "percent": {**_BOXED, "num_format": "0.0%"},
    "whole_percent": {**_BOXED, "num_format": "0%"},
}
A4 = 9
LINE_POINTS = 15.5
WIDEST_UPRIGHT = 100


class Format:
    """The workbook's formats, each made once. `shown:99,9 %` shows that text whatever the number."""

    def __init__(self, workbook: Any) -> None:
        self._workbook = workbook
        self._made: dict[str, Any] = {}

    def __getitem__(self, kind: str) -> Any:
        if kind not in self._made:
            name, _, shown = kind.partition(":")
            look = {**_BOXED, "num_format": f'"{shown}"', "align": "right"} if shown else _KINDS[name]
            self._made[kind] = self._workbook.add_format(look)
        return self._made[kind]


class Sheet:
    """Written from the top down: `head`, then rows and notes, then `end`."""

    def __init__(self, workbook: Any, look: Format, told: Report, key: str, widths: Sequence[int]) -> None:
        self._sheet = workbook.add_worksheet(told.say(f"report.sheet.{key}"))
        self._look, self._told, self._widths, self._at = look, told, widths, 0
        self._names: list[str] = []
        self._top = self._last = 0
        for column, width in enumerate(widths):
            self._sheet.set_column(column, column, width)
        self._sheet.hide_gridlines(2)
        self._say(report_heading.subject(told), "title")
        for line in report_heading.state(told):
            self._say(line, "note")

    def head(self, names: Sequence[str]) -> None:
        """The columns' names: they stay in sight, and stand on every page that is printed."""
        self._at += 1
        self._names = list(names)
        lines = max(_lines(name, width) for name, width in zip(names, self._widths, strict=True))
        self._sheet.set_row(self._at, LINE_POINTS * lines)
        for column, name in enumerate(names):
            self._sheet.write_string(self._at, column, name, self._look["heading"])
        self._sheet.freeze_panes(self._at + 1, 1)
        self._sheet.repeat_rows(self._at)
        self._top = self._last = self._at
        self._at += 1

    def row(self, cells: Sequence[tuple[Any, str]]) -> None:
        """Values with their kinds; the row is as high as its longest text needs."""
        texts = [(cell, width) for (cell, _), width in zip(cells, self._widths, strict=True) if isinstance(cell, str)]
        self._sheet.set_row(self._at, LINE_POINTS * max((_lines(*text) for text in texts), default=1))
        for column, (cell, kind) in enumerate(cells):
            self._write(column, cell, self._look[kind])
        self._last = self._at
        self._at += 1

    def note(self, line: str) -> None:
        self._at += self._at == self._last + 1
        self._say(line, "note")

    def end(self) -> None:
        columns = len(self._widths) - 1
        if self._last > self._top + 1:
            self._sheet.autofilter(self._top, 0, self._last, columns)
        self._sheet.print_area(0, 0, max(self._at - 1, self._last), columns)
        if sum(self._widths) > WIDEST_UPRIGHT:
            self._sheet.set_landscape()
        self._sheet.set_paper(A4)
        self._sheet.fit_to_pages(1, 0)
        self._sheet.set_margins(left=0.5, right=0.5, top=0.6, bottom=0.7)
        self._sheet.set_footer(f"&L{_plain(self._told.whole.name)}&C{self._told.say('report.page')} &P/&N")

    def _say(self, line: str, kind: str) -> None:
        """Over the whole width, as high as it needs."""
        look, size = self._look[kind], 1.4 if kind == "title" else 1
        self._sheet.merge_range(self._at, 0, self._at, len(self._widths) - 1, "", look)
        self._sheet.write_string(self._at, 0, line, look)
        self._sheet.set_row(self._at, size * LINE_POINTS * _lines(line, int(sum(self._widths) / size)))
        self._at += 1

    def _write(self, column: int, cell: Any, look: Any) -> None:
        if cell is None:
            self._sheet.write_blank(self._at, column, None, look)
        elif isinstance(cell, str):
            self._sheet.write_string(self._at, column, cell, look)
        elif isinstance(cell, date):
            self._sheet.write_datetime(self._at, column, cell, look)
        else:
            self._sheet.write_number(self._at, column, cell, look)


def _lines(text: str, width: int) -> int:
    """How many lines a text takes in a column of so many letters."""
    return ceil(len(text) * 0.95 / width) or 1


def _plain(name: str) -> str:
    """A footer's `&` is a command."""
    return name.replace("&", "&&")
