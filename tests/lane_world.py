"""Small worlds side by side: accounts that know nothing of each other, each with a handful of payments.

A lane is an account with its stalls. Facts are drawn for no lane in particular, with moments where the rules have
their borders, and then said in a lane's own numbers, to the books as well as to an oracle.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from random import Random
from typing import NamedTuple

from hypothesis import strategies as st
from sqlalchemy import text

from ground import clock
from ground.store import Store
from merchants import bank, code, market
from tests import bank_book
from tests.bank_fact import Stated, Told
from tests.world import VIETCOMBANK, VUNG_TAU, import_roll, keep, told

BIDV = "970418"
KINDS = ("single", "double", "virtual")
OFTEN, SELDOM = (20_000, 20_000, 30_000), (20_000, 30_000, 50_000)
REFERENCES = ("FT26278000001", "FT26278000002", "MBVCB.3278900003")
WORDS = ("FT26278000001", "FT26278000002", "3278900003")
# By the borders they lie around: half an hour, midnight, the banks' closing hour, a weekend, Tết.
MOMENTS = {
    "morning": "05 08:00:00|05 08:00:01|05 08:15:00|05 08:29:59|05 08:30:00|05 08:30:01|05 08:45:00|05 09:00:00",
    "midnight": "05 23:29:59|05 23:30:00|05 23:45:00|05 23:59:59|06 00:00:00|06 00:15:00|06 00:29:59|06 00:30:01",
    "closing": "05 21:30:00|05 21:59:59|05 22:00:00|05 22:00:01|05 22:29:00|06 08:00:00|06 22:00:00|07 09:00:00",
    "weekend": "02 21:59:59|02 22:00:00|03 10:00:00|04 23:50:00|05 00:10:00|05 09:00:00|05 22:00:00|06 09:00:00",
    "tet": "13 10:00:00|13 22:10:00|16 09:00:00|20 23:45:00|23 00:10:00|23 08:00:00|23 22:00:00|24 08:00:00",
}


class Lane(NamedTuple):
    """tokens: by the stall that bears it; "" for one of another street."""

    kind: str
    bin: str
    number: str
    virtual: str | None
    stalls: tuple[str, ...]
    tokens: dict[str, str]

    def owner(self, tokens: frozenset[str], virtual: str | None) -> str | None:
        """The account that received the money limits the answer; a token only chooses within it."""
        if virtual is not None:
            return self.stalls[0]
        named = {stall for stall, token in self.tokens.items() if token in tokens}
        if "" in named or len(named) > 1:
            return None
        return named.pop() if named else self.stalls[0] if len(self.stalls) == 1 else None


class Fact(NamedTuple):
    """marks: which tokens of the lane it bears, 0 and 1 its stalls', 2 another street's."""

    at: datetime
    timed: bool
    amount: int
    reference: str | None
    marks: frozenset[int]
    virtual: int
    mentions: frozenset[str]
    wave: int


class World(NamedTuple):
    notices: list[Fact]
    lines: list[Fact]


def _moment(month: str, said: str) -> datetime:
    return datetime.fromisoformat(f"2026-{month}-{said}").replace(tzinfo=clock.ZONE)


def _fact(chance: Random, moments: Sequence[datetime], amounts: Sequence[int]) -> Fact:
    mentions = chance.sample(WORDS, chance.randint(0, 2)) if chance.random() < 0.25 else ()
    return Fact(
        chance.choice(moments),
        chance.random() < 0.67,
        chance.choice(amounts),
        chance.choice(REFERENCES) if chance.random() < 0.25 else None,
        frozenset(chance.choice(((), (), (), (0,), (0,), (1,), (1,), (0, 1), (2,)))),
        chance.randint(0, 2),
        frozenset(mentions),
        chance.randint(0, 2),
    )


def world(seed: int, most: int = 6) -> World:
    """Up to so many notices and lines around one of the borders."""
    chance = Random(seed)
    cluster, amounts = chance.choice(sorted(MOMENTS)), chance.choice((OFTEN, SELDOM))
    month = "02" if cluster == "tet" else "10"
    moments = [_moment(month, said) for said in MOMENTS[cluster].split("|")]
    return World(*([_fact(chance, moments, amounts) for _ in range(chance.randint(0, most))] for _ in range(2)))


def worlds() -> st.SearchStrategy[World]:
    return st.integers(0, 2**63).map(world)


def build(books: Store, count: int) -> list[Lane]:
    """A market with that many lanes, the kinds in turn."""
    rows, plans = [], []
    for place in range(count):
        kind = KINDS[place % 3]
        number, virtual = f"30{place:03}", f"VA{place:03}" if kind == "virtual" else None
        stalls = tuple(f"L{place}{letter}" for letter in ("AB" if kind == "double" else "A"))
        name = "BIDV" if virtual else "VCB"
        rows += [f"{stall};;;Cô {stall};;;;{name};{number};;{virtual or ''}" for stall in stalls]
        plans.append((kind, BIDV if virtual else VIETCOMBANK, number, virtual, stalls))
    with books.session() as session:
        street = market.add(session, "cho-l", "Chợ Làn", VUNG_TAU, since=date(2026, 1, 1))
        import_roll(session, street, "\n".join([*rows, "X1;;;Chú Lạ;;;;VCB;39999;;"]))
        code.issue(session, street, since=date(2026, 1, 1))
        session.commit()
        tokens = {row["stall"]: row["token"] for row in code.every(session, street)}
    return [Lane(*plan, {stall: tokens[stall] for stall in plan[4]} | {"": tokens["X1"]}) for plan in plans]


def _said(lane: Lane, fact: Fact) -> tuple[frozenset[str], str | None]:
    """Its tokens and whether it names the virtual account, in the lane's words."""
    tokens = [lane.tokens[stall] for stall in (*lane.stalls, *(("",) if len(lane.stalls) > 1 else ("", "")))]
    return frozenset(tokens[mark] for mark in fact.marks), lane.virtual if fact.virtual else None


def notice_of(lane: Lane, fact: Fact, name: str) -> Told:
    tokens, virtual = _said(lane, fact)
    reference = fact.reference
    return Told(name, fact.at, fact.amount, reference, tokens, virtual, fact.mentions, lane.owner(tokens, virtual))


def line_of(lane: Lane, fact: Fact, name: str) -> Stated:
    tokens, virtual = _said(lane, fact)
    at = fact.at if fact.timed else None
    facts = (
        fact.at.date(),
        at,
        fact.amount,
        fact.reference,
        tokens,
        virtual,
        fact.mentions,
        lane.owner(tokens, virtual),
    )
    return Stated(name, *facts)


def tell(books: Store, lane: Lane, notices: Iterable[tuple[Told, Fact]]) -> None:
    """By SePay; with a virtual account either as such or as the receiving account itself."""
    said = []
    for notice, fact in notices:
        alone = notice.virtual is not None and fact.virtual == 2
        said.append(
            told(
                int(notice.name),
                notice.amount,
                account=str(notice.virtual) if alone else lane.number,
                virtual=None if alone else notice.virtual,
                gateway=bank.short_name(lane.bin) or "",
                memo=_memo(notice),
                at=f"{notice.at:%Y-%m-%d %H:%M:%S}",
                referenceCode=notice.reference or "",
            )
        )
    keep(books, said)


def state(books: Store, lane: Lane, lines: Iterable[Stated]) -> None:
    bank_book.state(
        books,
        [
            bank_book.Stated(
                f"{line.at:%Y-%m-%d %H:%M:%S}" if line.at else line.day.isoformat(),
                line.amount,
                line.reference,
                _memo(line),
                line.virtual,
            )
            for line in lines
        ],
        number=lane.number,
        bin=lane.bin,
    )


def _memo(fact: Told | Stated) -> str:
    return " ".join(("CT", *sorted(fact.tokens), *sorted(fact.mentions), "rau"))


_NAMED = """
    SELECT l.id, a.number || '/' || dense_rank() OVER (PARTITION BY account_id ORDER BY statement_id)
        || '/' || l.row - 2 AS name
    FROM statement_line l JOIN account a ON a.id = l.account_id
"""


def read(books: Store) -> tuple[dict[tuple[str, str], str], dict[str, frozenset[str]]]:
    """The live pairs with their rules, and the ties that are open. A line's name: its account, file and row."""
    paired = f"""
        WITH line AS ({_NAMED})
        SELECT n.external_id, line.name, m.rule FROM match m JOIN line ON line.id = m.line_id
        JOIN notice n ON n.id = m.notice_id WHERE m.undone_at IS NULL
    """
    tied = f"""
        WITH line AS ({_NAMED})
        SELECT line.name, array_agg(n.external_id) FROM finding f JOIN line ON line.id = f.line_id
        JOIN notice n ON f.detail -> 'notices' @> to_jsonb(n.id)
        WHERE f.status = 'open' AND f.kind = 'ambiguous' AND f.detail ? 'pair' GROUP BY 1
    """
    with books.engine.connect() as connection:
        rules = {(row[0], row[1]): row[2] for row in connection.execute(text(paired))}
        return rules, {row[0]: frozenset(row[1]) for row in connection.execute(text(tied))}


def wipe(books: Store) -> None:
    """Empty the books and take the statements out, keep the registry."""
    tables = "notice, entry, finding, stall_day, statement, statement_line, match"
    with books.engine.begin() as connection:
        connection.execute(text("ALTER TABLE entry DISABLE TRIGGER entry_is_never_changed"))
        connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
        connection.execute(text("UPDATE reconciliation SET through = NULL, judged_on = NULL"))
        connection.execute(text("ALTER TABLE entry ENABLE TRIGGER entry_is_never_changed"))


def arrange(lane: Lane, place: int, world: World) -> list[tuple[list[tuple[Told, Fact]], list[Stated]]]:
    """What is told and stated of a lane, in three waves. Alike lines come in one file, as a bank gives them."""
    notices = [(notice_of(lane, fact, str(place * 100 + nr)), fact) for nr, fact in enumerate(world.notices)]
    lines = [(line_of(lane, fact, ""), fact.wave) for fact in world.lines]
    wave_of = {_words(line): wave for line, wave in reversed(lines)}
    waves, files = [], 0
    for wave in range(3):
        stated = [line for line, _ in lines if wave_of[_words(line)] == wave]
        files += bool(stated)
        named = [line._replace(name=f"{lane.number}/{files}/{row}") for row, line in enumerate(stated)]
        waves.append(([pair for pair in notices if pair[1].wave == wave], named))
    return waves


def _words(line: Stated) -> Stated:
    """What makes a line alike another: a virtual account beside the same words does not tell them apart."""
    return line._replace(virtual=None, stall=None)


def findings(books: Store) -> dict[str, int]:
    """The ids of what is found about lines, by the line's name."""
    query = f"WITH line AS ({_NAMED}) SELECT line.name, f.id FROM finding f JOIN line ON line.id = f.line_id"
    with books.engine.connect() as connection:
        return {row[0]: row[1] for row in connection.execute(text(query))}
