"""A grid of cells, whatever file it came from, and how much of it is taken."""

from datetime import date, datetime

from ground.refusal import Refusal

Cell = str | float | int | date | datetime | bool | None
Grid = list[list[Cell]]

MOST_ROWS = 100_000
# Excel's format has 17 billion cells; one stray cell in its far corner would be read as all of them.
MOST_CELLS = 5_000_000


def check_extent(rows: int, columns: int, name: str, most_rows: int = MOST_ROWS) -> None:
    """Refuses a grid whose last row or column lies too far out, before memory is spent on it."""
    if rows > most_rows:
        raise Refusal("sheet.too_many_rows", name=name, most=most_rows, rows=rows)
    if rows * columns > MOST_CELLS:
        raise Refusal("sheet.too_wide", name=name, rows=rows, columns=columns)
