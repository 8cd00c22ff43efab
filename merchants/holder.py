"""Who holds a stall: which rows of a roll mean a merchant of the books, and which are people not known yet."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlmodel import Session

from merchants import spelling
from merchants.market import Market
from merchants.roll_file import RollRow

Mark = tuple[str, ...]
"""What tells people of one name apart: a phone or an account."""


class Person(NamedTuple):
    name: str
    phone: str | None


class Recognised(NamedTuple):
    """The merchant's id by the row's number in the file, and the rows that spell a known one anew."""

    ids: dict[int, int]
    corrected: set[int]


_KNOWN = text("SELECT id, name, phone FROM merchant WHERE market_id = :market ORDER BY id")
_ACCOUNTS = text("""
    SELECT DISTINCT state.merchant_id, a.bin, a.number
    FROM stall_state state JOIN merchant t ON t.id = state.merchant_id AND t.market_id = :market
    JOIN account a ON a.id IN (state.account_id, state.virtual_account_id)
    WHERE state.superseded_at IS NULL ORDER BY state.merchant_id
""")
_CORRECT = text("""
    UPDATE merchant SET name = n.name, phone = n.phone
    FROM unnest(CAST(:ids AS bigint[]), CAST(:names AS text[]), CAST(:phones AS text[])) AS n(id, name, phone)
    WHERE merchant.id = n.id
""")
_TAKE_UP = text("""
    INSERT INTO merchant (market_id, name, phone, added_at)
    SELECT :market, n.name, n.phone, :now
    FROM unnest(CAST(:names AS text[]), CAST(:phones AS text[])) WITH ORDINALITY AS n(name, phone, nth)
    ORDER BY nth RETURNING id
""")


def recognise(
    session: Session,
    market: Market,
    rows: Sequence[RollRow],
    holders: Mapping[int, Sequence[int]],
    *,
    has_phones: bool,
    moment: datetime,
) -> Recognised:
    """The merchant of every row: known ones corrected, strangers taken up.

    `holders`: who holds or held the row's stall, the latest first. The same merchant is who held the stall under
    that name; else who holds it and has that phone, unless another row still goes by the old name; else one of
    that name with the same phone or account in this market. Without either, a name at another stall is another
    person. `has_phones`: the file has a column for them, so that its empty cells mean "none".
    """
    known = {row.id: Person(row.name, row.phone) for row in session.execute(_KNOWN, {"market": market.key})}
    named = [row for row in rows if row.merchant is not None]
    ids = _by_stall(named, known, holders)
    settled = set(ids)
    groups = _by_marks(named, ids, _marked(session, market, known))
    told = _told(named, ids, settled, known, has_phones)
    new = {id_: person for id_, person in told.items() if person != known[id_]}
    session.execute(_CORRECT, {"ids": list(new), **_columns(list(new.values()))})
    strangers = [_person(group) for group in groups]
    parameters = {"market": market.key, "now": moment, **_columns(strangers)}
    for id_, group in zip(session.execute(_TAKE_UP, parameters).scalars(), groups, strict=True):
        ids.update((row.row, id_) for row in group)
    return Recognised(ids, {number for number, id_ in ids.items() if id_ in new})


def _by_stall(
    rows: Sequence[RollRow], known: Mapping[int, Person], holders: Mapping[int, Sequence[int]]
) -> dict[int, int]:
    """Those whom their own stall tells, by row: first by name, then by phone."""
    ids: dict[int, int] = {}
    goes_by: dict[int, str] = {}
    for row in rows:
        same = (id_ for id_ in holders.get(row.row, ()) if _fold(known[id_].name) == _name(row))
        id_ = next(same, None)
        if id_ is not None:
            ids[row.row], goes_by[id_] = id_, _name(row)
    for row in rows:
        id_ = next(iter(holders.get(row.row, ())), None)
        if row.row in ids or id_ is None or row.phone is None or row.phone != known[id_].phone:
            continue
        if goes_by.setdefault(id_, _name(row)) == _name(row):
            ids[row.row] = id_
    return ids


def _by_marks(rows: Sequence[RollRow], ids: dict[int, int], marked: dict[Mark, int]) -> list[list[RollRow]]:
    """Those whom name with phone or account tell are added to `ids`; the rest come back, a list for each person."""
    for row in rows:
        if row.row in ids:
            for mark in _marks(row):
                marked.setdefault(mark, ids[row.row])
    strangers: dict[int, list[RollRow]] = {}
    for row in rows:
        if row.row in ids:
            continue
        id_ = next((marked[mark] for mark in _marks(row) if mark in marked), -row.row)
        for mark in _marks(row):
            marked.setdefault(mark, id_)
        if id_ < 0:
            strangers.setdefault(id_, []).append(row)
        else:
            ids[row.row] = id_
    return list(strangers.values())


def _told(
    rows: Sequence[RollRow], ids: Mapping[int, int], settled: Collection[int], known: Mapping[int, Person], erase: bool
) -> dict[int, Person]:
    """What the file says of the known, from the rows of stalls they held (`settled`); a new stall only adds a phone.

    A name or phone stands while any row has it; else the first counts.
    """
    groups: dict[int, list[RollRow]] = {}
    for row in rows:
        if row.row in ids:
            groups.setdefault(ids[row.row], []).append(row)
    told = {}
    for id_, group in groups.items():
        was = known[id_]
        names = [row.merchant for row in group if row.merchant and row.row in settled]
        phones = [row.phone for row in group if row.phone]
        silent = was.phone if not (erase and names) else None
        told[id_] = Person(
            was.name if was.name in names else next(iter(names), was.name),
            was.phone if was.phone in phones else next(iter(phones), silent),
        )
    return told


def _person(rows: Sequence[RollRow]) -> Person:
    return Person(rows[0].merchant or "", next((row.phone for row in rows if row.phone), None))


def _marked(session: Session, market: Market, known: Mapping[int, Person]) -> dict[Mark, int]:
    """The market's merchants by name and phone, and by name and account; of several alike the first."""
    marked: dict[Mark, int] = {}
    for id_, person in known.items():
        if person.phone is not None:
            marked.setdefault((_fold(person.name), person.phone), id_)
    for id_, bin_, number in session.execute(_ACCOUNTS, {"market": market.key}):
        marked.setdefault((_fold(known[id_].name), bin_, number), id_)
    return marked


def _marks(row: RollRow) -> Iterator[Mark]:
    if row.phone is not None:
        yield _name(row), row.phone
    for number in (row.account, row.virtual_account):
        if row.bin is not None and number is not None:
            yield _name(row), row.bin, number


def _name(row: RollRow) -> str:
    return _fold(row.merchant or "")


def _fold(name: str) -> str:
    """Without accents; a name in a script that has no Latin letters stays as it is."""
    return spelling.fold(name) or name.casefold()


def _columns(people: Sequence[Person]) -> dict[str, list[str | None]]:
    return {"names": [person.name for person in people], "phones": [person.phone for person in people]}
