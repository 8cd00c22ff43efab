"""The four boards of the demo, as boards.toml describes them."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

ROOM = Path(__file__).parent


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Section(_Fact):
    """`trading`: the share of its stalls at which somebody trades."""

    prefix: str
    name: str
    stalls: int
    trading: float
    goods: tuple[str, ...]


class Wave(_Fact):
    """The roll handed in on a day of the history; its codes hang `print_days` later, None: not yet."""

    day: int
    registered: float
    print_days: int | None = None


class Habits(_Fact):
    """Shares of the stalls with a code; the rest takes a few payments a day."""

    dormant: float
    faded: float
    rare: float
    busy: float


class Sheet(_Fact):
    """How this board writes its file."""

    titles: tuple[str, ...]
    columns: tuple[str, ...]
    headings: tuple[str, ...]
    enumerated: bool = False
    merged_sections: bool = False
    numeric_stalls: bool = False
    excel_dates: bool = False


class Board(_Fact):
    code: str
    name: str
    ward: str
    kind: str
    family: float
    habits: Habits
    waves: tuple[Wave, ...]
    sections: tuple[Section, ...]
    sheet: Sheet


@cache
def boards() -> tuple[Board, ...]:
    return tuple(Board.model_validate(board) for board in _facts("boards")["boards"])


def board_of(code: str) -> Board:
    return next(board for board in boards() if board.code == code)


def median(goods: str) -> int:
    """Of one payment, in đồng."""
    return int(_facts("boards")["medians"][goods])


def people() -> dict[str, Any]:
    return _facts("people")


@cache
def _facts(name: str) -> dict[str, Any]:
    return tomllib.loads((ROOM / f"{name}.toml").read_text("utf-8"))
