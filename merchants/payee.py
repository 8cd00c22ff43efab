"""Whom a code pays: the stall, its market and the account as the payer's bank will show it, and links to bank apps."""

import tomllib
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from sqlalchemy import text
from sqlmodel import Session

from ground.refusal import Refusal
from merchants import bank, code, vietqr

APPS = Path(__file__).parent / "reference" / "bank_apps.toml"


class Payee(NamedTuple):
    """`account_name` is as the board's roll has it; None where it does not say."""

    serial: str
    stall: str
    goods: str | None
    market: str
    market_code: str
    made_up: bool
    bin: str
    bank: str
    account: str
    account_name: str | None
    token: str
    payload: str


_PAYEE = text("""
    SELECT s.number AS stall, state.goods, m.name AS market, m.code AS market_code, m.made_up, a.bin,
        a.number AS account, state.account_name
    FROM code c
    JOIN stall s ON s.id = c.stall_id
    JOIN market m ON m.id = s.market_id
    JOIN account a ON a.id = c.account_id
    LEFT JOIN stall_state state ON state.stall_id = s.id AND state.superseded_at IS NULL
        AND a.id IN (state.account_id, state.virtual_account_id)
        AND state.since <= :day AND (state.until IS NULL OR :day < state.until)
    WHERE c.serial = :serial
""")


def find(session: Session, serial: str, day: date) -> Payee:
    """Whom the code pays on this day. Refused: there is none (404), it was revoked (410)."""
    found = code.find(session, serial)
    if found.revoked_on is not None and found.revoked_on <= day:
        raise Refusal("page.code_revoked", serial=serial, on=f"{found.revoked_on:%d/%m/%Y}", status=410)
    row = session.execute(_PAYEE, {"serial": serial, "day": day}).one()
    known = bank.by_bin(row.bin)
    return Payee(
        serial,
        row.stall,
        row.goods,
        row.market,
        row.market_code,
        row.made_up,
        row.bin,
        known.short_name if known else row.bin,
        row.account,
        row.account_name,
        found.token,
        found.payload,
    )


def payload(payee: Payee, amount: int | None = None) -> str:
    """The text of the code: as it was issued, or for one payment of so many đồng (01 = 12, 54)."""
    if amount is None:
        return payee.payload
    return vietqr.write(bin=payee.bin, account=payee.account, amount=amount, token=payee.token)


class AppLink(NamedTuple):
    """Opens a bank's app with the transfer filled in."""

    bank: str
    address: str


def app_links(payee: Payee, amount: int | None = None) -> list[AppLink]:
    """To the apps that fill in account, amount and memo. Following one tells vietqr.io all three: only on a tap."""
    receiving = _apps()["banks"].get(payee.bin)
    if receiving is None:
        return []
    told = {"ba": f"{payee.account}@{receiving}", "tn": payee.token}
    told |= {"am": str(amount)} if amount else {}
    told |= {"bn": payee.account_name} if payee.account_name else {}
    query = urlencode(told, quote_via=quote, safe="@")
    links = []
    for each in _apps()["apps"]:
        opened = bank.by_bin(each["bin"])
        assert opened is not None, "bank_apps.toml names banks of banks.csv"
        links.append(AppLink(opened.short_name, f"https://dl.vietqr.io/pay?app={each['app']}&{query}"))
    return links


@cache
def _apps() -> dict[str, Any]:
    return tomllib.loads(APPS.read_text("utf-8"))
