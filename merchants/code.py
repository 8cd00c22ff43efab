"""A stall's VietQR code: issued, live from a day on, revoked."""

import secrets
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Identity, text
from sqlmodel import Field, Session, SQLModel, select

from ground import clock, store
from ground.database import Moment
from ground.refusal import Refusal
from merchants import token, vietqr
from merchants.market import Market

SERIAL_LETTERS = 7


class Code(SQLModel, table=True):
    """Live on the days from `live_from` up to, not including, `revoked_on`."""

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    serial: str = Field(unique=True)
    stall_id: int = Field(sa_type=BigInteger)
    merchant_id: int = Field(sa_type=BigInteger)
    account_id: int = Field(sa_type=BigInteger)
    virtual_account: bool
    token: str = Field(unique=True)
    payload: str
    live_from: date
    issued_at: datetime = Field(sa_column=Column(Moment, nullable=False))
    revoked_on: date | None = None
    revoked_at: datetime | None = Field(default=None, sa_column=Column(Moment))
    revoke_reason: str | None = None


_ISSUABLE = text("""
    SELECT s.id AS stall_id, s.number AS stall, state.merchant_id, a.id AS account_id, a.bin, a.number,
        state.virtual_account_id IS NOT NULL AS virtual,
        greatest(:since,
            (SELECT min(since) FROM stall_state f
             WHERE f.stall_id = s.id AND f.superseded_at IS NULL AND f.status = 'trading'),
            (SELECT max(revoked_on) FROM code c WHERE c.stall_id = s.id AND c.revoked_on > c.live_from)) AS live_from
    FROM stall s
    JOIN stall_state state ON state.stall_id = s.id AND state.superseded_at IS NULL
        AND state.since <= :day AND (state.until IS NULL OR :day < state.until)
    JOIN account a ON a.id = coalesce(state.virtual_account_id, state.account_id)
    WHERE s.market_id = :market AND state.status = 'trading'
        AND (CAST(:stall AS bigint) IS NULL OR s.id = :stall)
        AND NOT EXISTS (SELECT 1 FROM code c WHERE c.stall_id = s.id
            AND (c.revoked_on IS NULL OR c.revoked_on > greatest(:day, c.live_from)))
    ORDER BY s.id
""")
_INSERT = text("""
    INSERT INTO code (serial, stall_id, merchant_id, account_id, virtual_account, token, payload, live_from, issued_at)
    SELECT c.*, :now
    FROM unnest(CAST(:serials AS text[]), CAST(:stalls AS bigint[]), CAST(:merchants AS bigint[]),
        CAST(:accounts AS bigint[]), CAST(:virtual AS boolean[]), CAST(:tokens AS text[]),
        CAST(:payloads AS text[]), CAST(:live AS date[])) AS c
""")


def issue(session: Session, market: Market, *, since: date | None = None, stall_id: int | None = None) -> list[str]:
    """A code for every trading stall (or for this one) with merchant and account that has none that is live.

    Their serials. Live from `since` (today), but not before the stall's first trading day, nor while an earlier
    code was.
    """
    session.execute(text("SELECT 1 FROM market WHERE id = :id FOR UPDATE"), {"id": market.key})
    today = clock.today()
    begin = since or today
    asked = {"market": market.key, "since": begin, "day": max(begin, today), "stall": stall_id}
    stalls = session.execute(_ISSUABLE, asked).all()
    tokens = _fresh(session, "token", token.draw, len(stalls))
    serials = _fresh(session, "serial", _draw_serial, len(stalls))
    session.execute(
        _INSERT,
        {
            "now": clock.now(),
            "serials": serials,
            "stalls": [row.stall_id for row in stalls],
            "merchants": [row.merchant_id for row in stalls],
            "accounts": [row.account_id for row in stalls],
            "virtual": [row.virtual for row in stalls],
            "tokens": tokens,
            "payloads": [
                vietqr.write(bin=row.bin, account=row.number, token=token_)
                for row, token_ in zip(stalls, tokens, strict=True)
            ],
            "live": [row.live_from for row in stalls],
        },
    )
    if serials:
        store.registry_changed(session)
    return serials


def _fresh(session: Session, column: str, draw: Callable[[], str], count: int) -> list[str]:
    """Tokens or serials never given before: a revoked one still names its stall."""
    known = text(f"SELECT {column} FROM code WHERE {column} = ANY(:drawn)")
    fresh: dict[str, None] = {}
    while len(fresh) < count:
        drawn = [draw() for _ in range(count - len(fresh))]
        taken = set(session.execute(known, {"drawn": drawn}).scalars())
        fresh |= {each: None for each in drawn if each not in taken}
    return list(fresh)


def _draw_serial() -> str:
    """Printed on the placard and named in its links. Not counted up: nobody shall walk through all accounts."""
    return "C" + "".join(secrets.choice(token.ALPHABET) for _ in range(SERIAL_LETTERS))


def revoke(session: Session, serial: str, *, reason: str, on: date | None = None) -> None:
    """The code is no longer live from `on` on; its token goes on naming its stall.

    `on` is today where nothing is said, or the first day of a code that is yet to become live.
    """
    found = find(session, serial, lock=True)
    if found.revoked_on is not None:
        raise Refusal("code.revoked_already", serial=serial, on=found.revoked_on, status=409)
    if not reason.strip():
        raise Refusal("code.no_reason")
    day = on or max(clock.today(), found.live_from)
    if day < found.live_from:
        raise Refusal("code.revoked_before_it_was", serial=serial, since=found.live_from)
    found.revoked_on, found.revoked_at, found.revoke_reason = day, clock.now(), reason.strip()
    session.add(found)
    store.registry_changed(session)
    session.flush()


_REVOCABLE = text("""
    SELECT serial, live_from FROM code
    WHERE stall_id = :stall AND revoked_on IS NULL ORDER BY id
""")


def revoke_at(session: Session, stall_id: int, *, reason: str, on: date) -> list[str]:
    """Revoke every code of a stall that nobody revoked yet, from `on` or the code's own first day; their serials."""
    rows = session.execute(_REVOCABLE, {"stall": stall_id}).all()
    for row in rows:
        revoke(session, row.serial, reason=reason, on=max(on, row.live_from))
    return [row.serial for row in rows]


_LIST = text("""
    SELECT c.serial, m.code AS market, s.number AS stall, t.name AS merchant, 'vietqr' AS rail, a.bin,
        a.number AS account, c.virtual_account, c.token, c.payload, c.live_from, c.issued_at, c.revoked_on,
        c.revoked_at, c.revoke_reason
    FROM code c
    JOIN stall s ON s.id = c.stall_id
    JOIN market m ON m.id = s.market_id
    JOIN merchant t ON t.id = c.merchant_id
    JOIN account a ON a.id = c.account_id
    WHERE m.id = :market AND (CAST(:serials AS text[]) IS NULL OR c.serial = ANY(:serials))
    ORDER BY c.id
""")


def every(session: Session, market: Market, serials: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """The market's codes, the document of docs/commands.md; `serials` picks some."""
    wanted = None if serials is None else list(serials)
    rows = session.execute(_LIST, {"market": market.key, "serials": wanted})
    return [_shown(dict(row._mapping)) for row in rows]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    days = {name: row[name] and row[name].isoformat() for name in ("live_from", "revoked_on")}
    moments = {name: row[name] and clock.stamp(row[name]) for name in ("issued_at", "revoked_at")}
    return {**row, **days, **moments}


def find(session: Session, serial: str, *, lock: bool = False) -> Code:
    """The code with this serial; Refusal (404) when there is none."""
    query = select(Code).where(Code.serial == serial)
    plain = serial.isascii() and serial.isalnum()
    found = session.exec(query.with_for_update() if lock else query).first() if plain else None
    if found is None:
        raise Refusal("code.unknown", serial=serial, status=404)
    return found
