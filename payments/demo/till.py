"""A till: where a stall's money arrives by one code, as the registry has it."""

from datetime import date
from typing import NamedTuple

from sqlalchemy import text
from sqlmodel import Session

from merchants import bank


class Till(NamedTuple):
    """`account` is what the provider tells as the receiving one, `virtual_account` beside it where the code names
    that. `relatives`: the tokens of the other stalls on the same account."""

    market: str
    stall: str
    stall_id: int
    goods: str
    token: str
    gateway: str
    account: str
    virtual_account: str | None
    live_from: date
    revoked_on: date | None
    relatives: tuple[str, ...]

    def is_live_on(self, day: date) -> bool:
        return self.live_from <= day and (self.revoked_on is None or day < self.revoked_on)


_TILLS = text("""
    SELECT m.code AS market, s.number AS stall, s.id AS stall_id, state.goods, c.token, a.bin,
        coalesce(own.number, a.number) AS account, CASE WHEN c.virtual_account THEN a.number END AS virtual_account,
        c.live_from, c.revoked_on,
        ARRAY(SELECT other.token FROM code other WHERE other.account_id = c.account_id
              AND other.stall_id <> c.stall_id AND other.live_from <= c.live_from AND other.revoked_on IS NULL
              ORDER BY other.id) AS relatives
    FROM code c
    JOIN account a ON a.id = c.account_id
    JOIN stall s ON s.id = c.stall_id
    JOIN market m ON m.id = s.market_id
    JOIN stall_state state ON state.stall_id = s.id AND state.superseded_at IS NULL
        AND state.since <= c.live_from AND (state.until IS NULL OR c.live_from < state.until)
    LEFT JOIN account own ON own.id = state.account_id
    ORDER BY c.id
""")


def every(session: Session) -> list[Till]:
    """The tills of all codes that ever hung, in the order of their serials."""
    rows = session.execute(_TILLS)
    return [
        Till(
            row.market,
            row.stall,
            row.stall_id,
            row.goods,
            row.token,
            _gateway(row.bin),
            row.account,
            row.virtual_account,
            row.live_from,
            row.revoked_on,
            tuple(row.relatives),
        )
        for row in rows
    ]


def _gateway(bin: str) -> str:
    """The bank's name as SePay writes it: in one word."""
    known = bank.by_bin(bin)
    assert known is not None
    return known.short_name.replace(" ", "")
