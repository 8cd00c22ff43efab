"""HTML tables as rows: banks save them under the name of an Excel file."""

from collections.abc import Iterable, Iterator
from html.parser import HTMLParser

from merchants.grid import Cell

_MOST_SPAN = 100
_ROWS = ("tr", "table")
_PARAGRAPHS = ("p", "div", "h1", "h2", "h3", "h4")
_UNSEEN = ("script", "style", "title")


def walk_html(parts: Iterable[str]) -> Iterator[list[Cell]]:
    """The rows of all tables in the page's order, each row ended by the next; text outside tables is a row too."""
    parser = _Tables()
    for part in parts:
        parser.feed(part)
        yield from parser.take()
    parser.close()
    parser.end_row()
    yield from parser.take()


class _Tables(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._rows: list[list[Cell]] = []
        self._row: list[Cell] = []
        self._text: list[str] = []
        self._span = 1
        self._open = False  # whether text belongs to a cell
        self._unseen = 0
        self._filled: dict[int, int] = {}  # columns a cell from above reaches into, and for how many rows yet
        self._reaching: dict[int, int] = {}  # the same for the row below this one

    def take(self) -> list[list[Cell]]:
        rows, self._rows = self._rows, []
        return rows

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _ROWS:
            self.end_row()
            if tag == "table":
                self._filled = {}
        elif tag in ("td", "th"):
            self._begin_cell(dict(attrs))
        elif tag in ("br", "p", "div"):
            self._text.append("\n")
        self._unseen += tag in _UNSEEN

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._end_cell()
        elif tag in _ROWS or (tag in _PARAGRAPHS and not self._open):
            self.end_row()
        self._unseen -= tag in _UNSEEN and self._unseen > 0

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self._text.append(data)

    def end_row(self) -> None:
        self._end_cell()
        if self._row:
            self._rows.append(self._row)
            still = {column: rows - 1 for column, rows in self._filled.items() if rows > 1}
            self._row, self._filled, self._reaching = [], still | self._reaching, {}

    def _begin_cell(self, told: dict[str, str | None]) -> None:
        self._end_cell()
        while len(self._row) in self._filled:
            self._row.append(None)
        self._open, self._span = True, _number(told.get("colspan"))
        rows = _number(told.get("rowspan"))
        if rows > 1:
            at = len(self._row)
            self._reaching |= dict.fromkeys(range(at, at + self._span), rows - 1)

    def _end_cell(self) -> None:
        lines = [" ".join(line.split()) for line in "".join(self._text).split("\n" if self._open else "\r")]
        text = "\n".join(filter(None, lines)) if self._open else " ".join(" ".join(lines).split())
        if self._open or text:
            self._row += [text or None, *[None] * (self._span - 1)]
        self._text, self._span, self._open = [], 1, False


def _number(text: str | None) -> int:
    return min(max(int(text), 1), _MOST_SPAN) if text and text.strip().isdecimal() else 1
