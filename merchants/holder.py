"""Who holds a stall: which rows of a roll mean the same merchant, and which are people not known yet."""

from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from merchants import spelling
from merchants.market import Market
from merchants.roll_file import RollRow

_KNOWN = text("SELECT id, name, phone FROM merchant WHERE market_id = :market ORDER BY id")
_RENAME = text("UPDATE merchant SET name = :name, phone = :phone WHERE id = :id")
_TAKE_UP = text("""
    INSERT INTO merchant (market_id, name, phone, added_at)
    SELECT :market, n.name, n.phone, :now
    FROM unnest(CAST(:names AS text[]), CAST(:phones AS text[])) WITH ORDINALITY AS n(name, phone, nth)
    ORDER BY nth RETURNING id
""")


class Holders:
    """The merchants of one import.

    The same merchant: who holds the stall already under that name; else the same name with the same phone or
    account in this market. Without either, a name at another stall is another person.
    """

    def __init__(self, session: Session, market: Market, moment: datetime) -> None:
        self._session = session
        self._market = market
        self._moment = moment
        self._known = {row.id: (row.name, row.phone) for row in session.execute(_KNOWN, {"market": market.key})}
        self._by_phone = {
            (spelling.fold(name), phone): id_ for id_, (name, phone) in self._known.items() if phone is not None
        }
        self._found: dict[int, int] = {}  # roll row → merchant id
        self._strangers: dict[tuple[Any, ...], list[RollRow]] = {}
        self._told: dict[int, tuple[str, str | None]] = {}
        self.corrected: set[int] = set()  # roll rows that spell a known merchant anew

    def want(self, row: RollRow, holder_id: int | None) -> None:
        """The row's merchant is wanted; `holder_id` is who holds the stall now."""
        if row.merchant is None:
            return
        name = spelling.fold(row.merchant)
        if holder_id is not None and spelling.fold(self._known[holder_id][0]) == name:
            self._same(row, holder_id)
        elif row.phone is not None and (name, row.phone) in self._by_phone:
            self._same(row, self._by_phone[name, row.phone])
        else:
            number = row.account or row.virtual_account
            mark = row.phone or (row.bin, number) if row.phone or number else ("row", row.row)
            self._strangers.setdefault((name, mark), []).append(row)

    def settle(self) -> dict[int, int]:
        """Take up the strangers, correct names and phones; the merchant id of each roll row."""
        for id_, (name, phone) in self._told.items():
            if (name, phone) != self._known[id_]:
                self._session.execute(_RENAME, {"id": id_, "name": name, "phone": phone})
                self.corrected.update(row for row, found in self._found.items() if found == id_)
        groups = list(self._strangers.values())
        if groups:
            made = self._session.execute(
                _TAKE_UP,
                {
                    "market": self._market.key,
                    "now": self._moment,
                    "names": [rows[0].merchant for rows in groups],
                    "phones": [next((row.phone for row in rows if row.phone), None) for rows in groups],
                },
            ).scalars()
            for id_, rows in zip(made, groups, strict=True):
                self._found.update({row.row: id_ for row in rows})
        return self._found

    def _same(self, row: RollRow, id_: int) -> None:
        assert row.merchant is not None
        self._found[row.row] = id_
        self._told.setdefault(id_, (row.merchant, row.phone or self._known[id_][1]))
