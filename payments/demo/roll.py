"""A board's made-up roll: who trades at which stall, as the board would say it on the day of each wave."""

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from typing import NamedTuple

from payments.demo import owner
from payments.demo.board import Board, Section, boards
from payments.demo.owner import Owner

OTHERWISE = {"vacant": 72, "closed": 22, "suspended": 6}  # what is the matter where nobody trades
_FAMILY_VIRTUAL, _VIRTUAL = 0.35, 0.08
_FIRST_ARRIVAL = date(2024, 2, 1)


class Line(NamedTuple):
    """A stall as the file lists it. `bank` is the bank's key; `since` None: since the market is counted."""

    stall: str
    section: str
    goods: str
    status: str
    since: date | None
    merchant: str | None = None
    phone: str | None = None
    bank: str | None = None
    account: str | None = None
    account_name: str | None = None
    virtual_account: str | None = None


class Place(NamedTuple):
    """A stall through all waves: from wave `comes` somebody trades there, from `leaves` no longer so.

    `registers`: the wave from which the roll has the account; `changes`: from which it is at another bank.
    """

    stall: str
    section: str
    goods: str
    status: str
    since: date | None
    owner: Owner | None = None
    virtual_account: str | None = None
    comes: int = 0
    leaves: int | None = None
    then: str = "closed"
    registers: int | None = None
    changes: int | None = None


def places(board: Board, start: date) -> list[Place]:
    """Every stall of the board; the same day of `start` gives the same ones."""
    random = Random(f"{start}/{board.code}")
    return [place for section in board.sections for place in _section(board, section, random, start)]


def lines(board: Board, made_up: list[Place], wave: int, start: date) -> list[Line]:
    """What the roll says on the day of a wave."""
    return [_line(board, place, wave, start) for place in made_up]


def wave_day(board: Board, wave: int, start: date) -> date:
    return start + timedelta(days=board.waves[wave].day)


def _section(board: Board, section: Section, random: Random, start: date) -> Iterator[Place]:
    room = boards().index(board)
    width = len(str(section.stalls)) if section.prefix else 1
    family: Owner | None = None
    relatives = 0
    for nth in range(1, section.stalls + 1):
        number = f"{section.prefix}{nth:0{width}}"
        goods = random.choice(section.goods)
        if random.random() >= section.trading:
            (status,) = random.choices(list(OTHERWISE), list(OTHERWISE.values()))
            holder = _owner(board, section, random, room, nth, _VIRTUAL) if status == "suspended" else None
            yield Place(number, section.name, goods, status, _arrival(random, start), holder)
            continue
        if family is None or relatives == 0:
            relatives = random.choice((1, 1, 2)) if random.random() < board.family else 0
            family = _owner(board, section, random, room, nth, _FAMILY_VIRTUAL if relatives else _VIRTUAL)
        else:
            relatives -= 1
        yield _trading(board, random, Place(number, section.name, goods, "trading", _arrival(random, start), family))


def _owner(board: Board, section: Section, random: Random, room: int, nth: int, virtual: float) -> Owner:
    offset = sum(other.stalls for other in board.sections[: board.sections.index(section)])
    return owner.make_up(
        random, room, offset + nth, virtual_share=virtual if "virtual_account" in board.sheet.columns else 0
    )


def _arrival(random: Random, start: date) -> date | None:
    """Most were there before the market was counted; boards write down the others' first day."""
    if random.random() < 0.8:
        return None
    return _FIRST_ARRIVAL + timedelta(days=random.randrange((start - _FIRST_ARRIVAL).days - 80))


def _trading(board: Board, random: Random, place: Place) -> Place:
    """When its owner registers, and the few who come, leave or change their bank meanwhile."""
    assert place.owner is not None
    last = len(board.waves) - 1
    waves = (nth for nth, wave in enumerate(board.waves) if place.owner.eagerness < wave.registered)
    registers = next(waves, None)
    fate = random.random()
    wave = random.randint(1, last)
    return place._replace(
        virtual_account=f"VA{place.owner.accounts[0][1]}{place.stall[-2:]}" if place.owner.virtual else None,
        registers=registers,
        comes=wave if fate < 0.015 else 0,
        leaves=wave if 0.015 <= fate < 0.04 else None,
        then=random.choice(("closed", "closed", "suspended")),
        changes=wave if 0.04 <= fate < 0.06 and registers is not None and registers < wave else None,
    )


def _line(board: Board, place: Place, wave: int, start: date) -> Line:
    if wave < place.comes:
        return Line(place.stall, place.section, place.goods, "vacant", place.since)
    turns = [place.comes, place.leaves, place.registers, place.changes]
    turned = [turn for turn in turns if turn is not None and 0 < turn <= wave]
    since = wave_day(board, max(turned), start) if turned else place.since
    status = place.then if place.leaves is not None and place.leaves <= wave else place.status
    told = Line(place.stall, place.section, place.goods, status, since)
    if place.owner is None:
        return told
    told = told._replace(merchant=place.owner.name, phone=place.owner.phone)
    if place.registers is None or wave < place.registers:
        return told
    bank, account = place.owner.accounts[place.changes is not None and place.changes <= wave]
    # A virtual account stands at the bank of the account behind it: who changes banks gives it up.
    virtual = place.virtual_account if bank == place.owner.accounts[0][0] else None
    return told._replace(bank=bank, account=account, account_name=place.owner.account_name, virtual_account=virtual)
