"""The demo's registry: four markets, their rolls wave by wave, and the codes printed after each."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from random import Random

from sqlmodel import Session

from ground import words
from merchants import code, market, roll
from merchants.market import Market
from payments.demo import roll as made_up
from payments.demo import sheet
from payments.demo.board import Board, boards

COUNTED_SINCE = date(2024, 1, 1)  # before the reform of July 2025, so that each market changes its ward on the way
LOST = 0.012  # of the placards hanging, from one wave to the next


def open_markets(
    session: Session,
    start: date,
    folder: Path,
    step: Callable[[], None],
    chosen: Sequence[Board] | None = None,
) -> None:
    """Take everything in by the functions the boards' own files go through; `step` is called after each wave."""
    folder.mkdir(parents=True, exist_ok=True)
    for board in chosen or boards():
        added = market.add(
            session, board.code, board.name, board.ward, kind=board.kind, since=COUNTED_SINCE, made_up=True
        )
        places = made_up.places(board, start)
        for wave in range(len(board.waves)):
            day = made_up.wave_day(board, wave, start)
            file = folder / f"{board.code}-{wave + 1}.xlsx"
            sheet.write(file, board, made_up.lines(board, places, wave, start), wave, day)
            _take_in(session, added, file, board, wave, day)
            session.commit()
            step()


def steps() -> int:
    return sum(len(board.waves) for board in boards())


def _take_in(session: Session, into: Market, file: Path, board: Board, wave: int, day: date) -> None:
    """Import the roll, take down codes that no longer fit it or were lost, print the new ones some days later."""
    done = roll.take_in(session, into, file, on=day)
    assert not done.errors, done.errors[:3]
    for serial in done.stale:
        code.revoke(session, serial, reason=words.say("demo.roll_changed"), on=day)
    _lose(session, into, Random(f"{day}/{board.code}"), day)
    print_days = board.waves[wave].print_days
    if print_days is not None:
        code.issue(session, into, since=day + timedelta(days=print_days))


def _lose(session: Session, into: Market, random: Random, day: date) -> None:
    hanging = [row["serial"] for row in code.every(session, into) if row["revoked_on"] is None]
    for serial in hanging:
        if random.random() < LOST:
            code.revoke(session, serial, reason=words.say("demo.lost_placard"), on=day)
